"""One run of the pipeline in this process: steps with progress, then the summary and the sheet of predictions.

Imports TFX and TensorFlow; `local_runner` is the command line in front of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from tfx.dsl.compiler.compiler import Compiler
from tfx.orchestration.metadata import Metadata, sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline
from tfx.types.standard_artifacts import PushedModel
from tfx.utils import path_utils

from beam_jobs.runners.inspection_cache import cached_inspections
from schemas import version_files
from schemas.exported_model import SAVED_MODEL_FILE
from schemas.features import TEST
from schemas.manifest import Manifest
from schemas.spec import DatasetSpec
from schemas.version import PublishedVersion
from tfx_pipeline.config.output_layout import (
    CONFUSION_FILE,
    METADATA_FILE,
    PER_IMAGE_FILE,
    PIPELINE_FOLDER,
    PREDICTIONS_FILE,
    REPORT_FILE,
)
from tfx_pipeline.config.pipeline import RUN_FN, PipelineConfig
from tfx_pipeline.evaluation.baseline import PLACE_PARTS, check_last_blessed, records_read
from tfx_pipeline.evaluation.class_sections import write_confusion
from tfx_pipeline.evaluation.eval_predictions import predict_examples
from tfx_pipeline.evaluation.model_facts import read_model_facts
from tfx_pipeline.evaluation.page import FinalReport, is_report_of, write_evaluation_report
from tfx_pipeline.evaluation.per_image import written_per_image
from tfx_pipeline.evaluation.prediction_sheet import shows, write_prediction_sheet
from tfx_pipeline.evaluation.tfma_files import read_evaluation, read_test_evaluation
from tfx_pipeline.hub.properties import PushRecord
from tfx_pipeline.local.dag_runner import Artifact, ReportingDagRunner, Step, StepFailed
from tfx_pipeline.local.evaluation_count import count_test_evaluations
from tfx_pipeline.local.history import note_run
from tfx_pipeline.local.metadata_file import damaged
from tfx_pipeline.local.platform import LocalPlatform
from tfx_pipeline.local.summary import Summary
from tfx_pipeline.local.tuning_result import TuningResult
from tfx_pipeline.pipeline import HF_PUSHER, LAST_BLESSED_MODEL, TEST_EVALUATOR, TUNER, create_pipeline
from tfx_pipeline.platforms import BEAM_IN_THE_STEP, PUSHER


def run_locally(config: PipelineConfig, version: PublishedVersion, run_fn: str = RUN_FN) -> Summary | None:
    """Runs the pipeline; writes `summary.json` and `predictions.png` into the output folder.

    Args:
      config: With absolute paths; the output folder exists.
      version: The verified version at `config.data`.
      run_fn: Import path of the training function.

    Returns:
      The summary, or None if the `tfx` command line only creates or compiles the pipeline. If HFPusher, the last step,
      failed, `hub_failure` says why.

    Raises:
      UserError: The records of earlier runs, or the last blessed model, cannot be used.
      StepFailed: Another step did not finish; the next run reuses the steps before it.
    """
    output = Path(config.output)
    manifest, spec = version
    blessed, uncached_steps = _check_earlier_runs(config, manifest, spec)
    runner = ReportingDagRunner(lambda step: _print_step(step, blessed), uncached_steps)
    pipeline = _create_pipeline(config, version, run_fn)
    failure = None
    try:
        with cached_inspections():  # of Evaluator's Beam job
            runner.run(pipeline)
    except StepFailed as error:
        if error.step_name != HF_PUSHER:
            raise
        failure = error
    if not runner.steps:
        return None
    summary = _summarize(runner.steps, version, output, failure)
    summary.write(output)
    note_run(output, summary)
    _write_pictures(summary, Path(config.data), output, spec)
    return summary


def run_by_step(config: PipelineConfig, version: PublishedVersion, run_fn: str = RUN_FN) -> Iterator[Step]:
    """Runs the same pipeline, one step whenever the next is asked for, and gives what it made: for a notebook.

    It prints nothing, and writes no summary and no page. Finished steps are kept, so `run_locally` continues from them.

    Args:
      config: With absolute paths; the output folder is created.
      version: The verified version at `config.data`.
      run_fn: Import path of the training function.

    Raises:
      UserError: The records of earlier runs, or the last blessed model, cannot be used.
      StepFailed: The step did not finish.
    """
    Path(config.output).mkdir(parents=True, exist_ok=True)
    _, uncached_steps = _check_earlier_runs(config, *version)
    runner = ReportingDagRunner(lambda step: None, uncached_steps)
    yield from runner.run_by_step(Compiler().compile(_create_pipeline(config, version, run_fn)))


def _create_pipeline(config: PipelineConfig, version: PublishedVersion, run_fn: str) -> Pipeline:
    return create_pipeline(
        config,
        version,
        LocalPlatform(),
        run_fn=run_fn,
        compare_with_itself=False,
        metadata_connection_config=sqlite_metadata_connection_config(str(Path(config.output, METADATA_FILE))),
        beam_pipeline_args=BEAM_IN_THE_STEP,
    )


def _write_pictures(summary: Summary, version_dir: Path, output: Path, spec: DatasetSpec) -> None:
    """Writes the sheet, the report and the table of images, unless they are there for the same model and data."""
    model, manifest, evaluation = Path(summary.model), summary.manifest, summary.evaluation
    sheet, report, table = output / PREDICTIONS_FILE, output / REPORT_FILE, output / PER_IMAGE_FILE
    source = f"{model} {manifest.sha256}"
    test = FinalReport(summary.test, summary.test_evaluations) if TEST in manifest.splits else None
    confusion = output / CONFUSION_FILE
    written = table.is_file() and confusion.is_file()
    if written and shows(sheet, source) and is_report_of(report, evaluation, source, test):
        return
    write_confusion(confusion, evaluation)
    with written_per_image(table, spec, evaluation.at_own_size) as note:
        predictions = predict_examples(model, version_dir, manifest, len(spec.classes), spec.slice_names, note)
    write_prediction_sheet(sheet, predictions.sample, source, spec)
    data_report = quote(os.path.relpath(version_dir / version_files.REPORT_FILE, output))
    facts = read_model_facts(model, predictions.milliseconds)
    write_evaluation_report(report, evaluation, source, manifest, spec, predictions, test, data_report, facts)


def _check_earlier_runs(config: PipelineConfig, manifest: Manifest, spec: DatasetSpec) -> tuple[int, frozenset[str]]:
    """Checks early what is needed of earlier runs after the training.

    Returns:
      The number of blessed models, and the steps that must run even if an earlier run did the same.
    """
    output, training = Path(config.output), config.training
    path = output / METADATA_FILE
    if not path.exists():
        return 0, frozenset({HF_PUSHER, PUSHER})
    model_size = training.model_size(manifest.image_size, manifest.fit)
    reads = records_read(spec.name, spec.class_names, model_size, training.crop_size > 0, manifest.fit)
    with _open_metadata(path) as handle:
        blessed = check_last_blessed(handle.store, config.name, output / PIPELINE_FOLDER, reads)
        # TFX lets an artifact's class have no name; this one has.
        pushed = handle.store.get_artifacts_by_type(PushedModel.TYPE_NAME)  # pyright: ignore[reportArgumentType]
        # TFX's cache knows that a model was pushed, not whether it is still there. HFPusher checks the Hub each time.
        return blessed, frozenset({HF_PUSHER} if _last_pushed_is_there(pushed) else {HF_PUSHER, PUSHER})


def _last_pushed_is_there(pushed_models: Iterable[Artifact]) -> bool:
    ours = [one for one in pushed_models if Path(one.uri).parts[-PLACE_PARTS:][0] == PUSHER]  # not HFPusher's
    places = [place for one in sorted(ours, key=lambda one: one.id) if (place := _pushed_to(one))]
    return bool(places) and Path(places[-1], SAVED_MODEL_FILE).is_file()


@contextmanager
def _open_metadata(path: Path) -> Iterator[Metadata]:
    """Opens ML Metadata's database; UserError if another version of it wrote it."""
    with ExitStack() as stack:
        try:
            connection = Metadata(sqlite_metadata_connection_config(str(path)))
            handle = stack.enter_context(connection)  # pyright: ignore[reportArgumentType]  # TFX mistypes `__exit__`
        except RuntimeError as error:  # TFX's, around any error of ML Metadata
            raise damaged(path, " ".join(str(error).split())) from None
        yield handle


def _print_step(step: Step, blessed: int) -> None:
    if step.name == LAST_BLESSED_MODEL:
        none = "no other with these classes and this image size" if blessed else "none yet"
        print(f"{step.name}: {'found' if step.outputs.get('model') else none}")
    else:
        print(f"{step.name}: " + ("up to date" if step.cached else f"{step.seconds:.1f} s"))


def _summarize(
    steps: dict[str, Step], version: PublishedVersion, output: Path, hub_failure: StepFailed | None
) -> Summary:
    manifest, spec = version
    [model] = steps["Trainer"].outputs["model"]
    [evaluation] = steps["Evaluator"].outputs["evaluation"]
    [pushed_model] = steps[PUSHER].outputs["pushed_model"]
    exported, test = path_utils.serving_model_path(model.uri), None
    if TEST_EVALUATOR in steps:
        test = read_test_evaluation(steps[TEST_EVALUATOR].outputs["evaluation"][0].uri, spec)
    return Summary(
        manifest=manifest,
        evaluation=read_evaluation(evaluation.uri, spec),
        model=exported,
        pushed_to=_pushed_to(pushed_model),
        hub=PushRecord.read(steps[HF_PUSHER].outputs["pushed_model"][0]) if HF_PUSHER in steps else None,
        hub_failure=hub_failure,
        tuning=_tuning_result(steps[TUNER]) if TUNER in steps else None,
        test=test,
        test_evaluations=count_test_evaluations(output, manifest, exported) if test else 0,
        step_seconds={name: step.seconds for name, step in steps.items()},
        steps_up_to_date=tuple(name for name, step in steps.items() if step.cached),
    )


def _tuning_result(step: Step) -> TuningResult:
    [best], [results] = step.outputs["best_hyperparameters"], step.outputs["tuner_results"]
    return TuningResult.read(Path(best.uri), Path(results.uri))


def _pushed_to(pushed_model: Artifact) -> str | None:
    """The folder of the pushed model, from the properties that Pusher sets; None if it did not push."""
    if not pushed_model.custom_properties["pushed"].int_value:
        return None
    return pushed_model.custom_properties["pushed_destination"].string_value
