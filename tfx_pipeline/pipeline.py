"""The pipeline: published data, Tuner, Trainer, Evaluator against the last blessed model, Pusher and HFPusher.

No ExampleGen, StatisticsGen or Transform: the data set was split, encoded, measured and validated when it was
published, and preprocessing is part of the exported model. Only TestEvaluator reads a split `test`.
"""

from __future__ import annotations

from ml_metadata.proto import metadata_store_pb2

# Not `tfx.v1`: it also imports the Vertex AI client, which alone takes nine of its 25 seconds.
from tfx.components.evaluator.component import Evaluator
from tfx.components.schema_gen.import_schema_gen.component import ImportSchemaGen
from tfx.components.trainer.component import Trainer
from tfx.components.tuner.component import Tuner  # TFX imports it, and KerasTuner with it, anyway
from tfx.dsl.components.common.importer import Importer
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2
from tfx.types import Artifact, Channel, artifact_utils
from tfx.types.standard_artifacts import Examples, ExampleStatistics, Model, ModelBlessing

from schemas.features import EVAL, TEST, TRAIN
from schemas.manifest import Manifest
from schemas.spec import DatasetSpec
from schemas.version import PublishedVersion
from schemas.version_files import EXAMPLES_FOLDER, SCHEMA_FILE, STATISTICS_FOLDER
from tfx_pipeline.config.class_keys import with_class_names
from tfx_pipeline.config.output_layout import CHECKPOINTS_FOLDER, PIPELINE_FOLDER
from tfx_pipeline.config.pipeline import RUN_FN, TUNER_FN, PipelineConfig
from tfx_pipeline.evaluation.baseline import CANDIDATE, LatestOtherBlessedModel
from tfx_pipeline.evaluation.eval_config import eval_config, final_eval_config
from tfx_pipeline.evaluation.final_evaluator import FinalEvaluator
from tfx_pipeline.hub.component import HFPusher
from tfx_pipeline.platforms import Platform
from tfx_pipeline.source_digest import source_sha256
from trainer.config import TrainingConfig
from trainer.tuning import TuningConfig
from trainer.weights_file import weights_files

TUNER = "Tuner"
TRAINER = "Trainer"
TEST_EVALUATOR = "TestEvaluator"
LAST_BLESSED_MODEL = "LastBlessedModel"
HF_PUSHER = "HFPusher"


def create_pipeline(
    config: PipelineConfig,
    version: PublishedVersion,
    platform: Platform,
    run_fn: str = RUN_FN,
    compare_with_itself: bool = True,
    metadata_connection_config: metadata_store_pb2.ConnectionConfig | None = None,
    beam_pipeline_args: tuple[str, ...] = (),
) -> Pipeline:
    """Builds the pipeline for one published data set version.

    Args:
      config: `data` and `output` are absolute paths or URIs that every step can read or write.
      version: The version at `config.data`.
      platform: Where the steps run.
      run_fn: Import path of the training function.
      compare_with_itself: Whether a model that is already blessed may be compared with itself. Vertex AI Pipelines
        has only this strategy; the local runner passes False, and every step of an unchanged run is then cached.
      metadata_connection_config: The ML Metadata database, for runners that do not bring their own.
      beam_pipeline_args: How Evaluator runs its Beam job.
    """
    manifest, spec = version
    config = with_class_names(config, spec)
    # people get a crop model's answer to the photo itself, which such records no longer hold
    at_own_size = manifest.has_source_masks and not config.training.crop_size
    examples = _imported(config, manifest, EXAMPLES_FOLDER, Examples)
    statistics = _imported(config, manifest, STATISTICS_FOLDER, ExampleStatistics)
    schema_gen = ImportSchemaGen(schema_file=f"{config.data}/{SCHEMA_FILE}")
    tuner = None
    if config.tuning is not None:
        tuner = _tuner(config, config.tuning, version, platform, examples, schema_gen)
    trainer = _trainer(config, version, platform, run_fn, examples, schema_gen, tuner)
    last_blessed = _last_blessed_model(trainer, compare_with_itself)
    evaluator = _evaluator(config, spec, examples, trainer, last_blessed, at_own_size)
    pusher = platform.pusher(config, manifest, trainer.outputs["model"], evaluator.outputs["blessing"])
    components = [examples, statistics, schema_gen, trainer, last_blessed, evaluator, pusher]
    test_evaluation = None
    if TEST in manifest.splits:
        test_evaluator = FinalEvaluator(
            examples=examples.outputs["result"],
            model=trainer.outputs["model"],
            model_blessing=evaluator.outputs["blessing"],
            eval_config=final_eval_config(spec, config.evaluation, at_own_size),
        ).with_id(TEST_EVALUATOR)
        components.append(test_evaluator)
        test_evaluation = test_evaluator.outputs["evaluation"]
    if tuner is not None:
        components.append(tuner)
    tracker = platform.tracker(config, version, trainer, evaluator, pusher)
    if tracker is not None:
        components.append(tracker)
    if config.hub is not None:
        hf_pusher = HFPusher(
            model=trainer.outputs["model"],
            model_blessing=evaluator.outputs["blessing"],
            evaluation=evaluator.outputs["evaluation"],
            test_evaluation=test_evaluation,
            hub=config.hub,
            version=version,
        ).with_id(HF_PUSHER)
        hf_pusher.add_upstream_node(pusher)  # a failing Hub must not keep a model from being served
        components.append(hf_pusher)
    return Pipeline(
        pipeline_name=config.name,
        pipeline_root=f"{config.output}/{PIPELINE_FOLDER}",
        components=components,
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(beam_pipeline_args),
    )


def _tuner(
    config: PipelineConfig,
    tuning: TuningConfig,
    version: PublishedVersion,
    platform: Platform,
    examples: Importer,
    schema_gen: ImportSchemaGen,
) -> Tuner:
    component, settings = platform.tuner(config)
    return component(
        tuner_fn=TUNER_FN,
        examples=examples.outputs["result"],
        schema=schema_gen.outputs["schema"],
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[EVAL]),
        custom_config=tuner_config(config, tuning, version) | settings,
    ).with_id(TUNER)


def _trainer(
    config: PipelineConfig,
    version: PublishedVersion,
    platform: Platform,
    run_fn: str,
    examples: Importer,
    schema_gen: ImportSchemaGen,
    tuner: Tuner | None,
) -> Trainer:
    component, settings = platform.trainer(config)
    return component(
        run_fn=run_fn,
        examples=examples.outputs["result"],
        schema=schema_gen.outputs["schema"],
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner is not None else None,
        train_args=trainer_pb2.TrainArgs(splits=[TRAIN]),
        eval_args=trainer_pb2.EvalArgs(splits=[EVAL]),
        custom_config=trainer_config(config, version, run_fn) | settings,
    ).with_id(TRAINER)


def trainer_config(config: PipelineConfig, version: PublishedVersion, run_fn: str = RUN_FN) -> dict:
    """Trainer's `custom_config`: the data, the settings, and the digest of the code."""
    manifest, spec = version
    return {
        "dataset": spec.model_dump(mode="json"),
        "image_size": manifest.image_size,
        "fit": manifest.fit,
        "manifest_sha256": manifest.sha256,
        "training": config.training.model_dump(mode="json"),
        "checkpoint_dir": f"{config.output}/{CHECKPOINTS_FOLDER}",
        # Part of TFX's cache key, so that a model of other code or weights is never reused.
        "source_sha256": source_sha256("schemas", run_fn.split(".")[0], files=_local_weights(config.training)),
    }


def _local_weights(training: TrainingConfig) -> tuple[str, ...]:
    source = training.encoder or training.encoder_weights
    return () if "://" in source else weights_files(source)  # those of a bucket are not downloaded for a digest


def tuner_config(config: PipelineConfig, tuning: TuningConfig, version: PublishedVersion) -> dict:
    """Tuner's `custom_config`: like Trainer's, with the settings that all trials share and the search."""
    trials = config.model_copy(update={"training": tuning.trial_training(config.training)})
    return trainer_config(trials, version, TUNER_FN) | {"tuning": tuning.model_dump(mode="json")}


def _imported(config: PipelineConfig, manifest: Manifest, folder: str, artifact_type: type[Artifact]) -> Importer:
    """Imports a folder of the version as an artifact, in place; the same folder and digest give the same artifact."""
    identity: dict[str, str | int] = {
        "dataset": manifest.dataset,
        "dataset_version": manifest.version,
        "manifest_sha256": manifest.sha256,
    }
    if folder == EXAMPLES_FOLDER:
        identity |= {"payload_format": "FORMAT_TF_EXAMPLE", "file_format": "tfrecords"}
    return Importer(
        source_uri=f"{config.data}/{folder}",
        artifact_type=artifact_type,
        properties={"split_names": artifact_utils.encode_split_names(list(manifest.split_names))},
        custom_properties=identity,
    ).with_id(f"Import{folder.capitalize()}")


def _last_blessed_model(trainer: Trainer, compare_with_itself: bool) -> Resolver:
    channels = {
        "model": Channel(type=Model),
        "model_blessing": Channel(type=ModelBlessing),
    }
    strategy = LatestBlessedModelStrategy
    if not compare_with_itself:
        strategy = LatestOtherBlessedModel
        channels[CANDIDATE] = trainer.outputs["model"]
    # No channel is called `config`, which pyright cannot know.
    resolver = Resolver(strategy_class=strategy, **channels)  # pyright: ignore[reportArgumentType]
    return resolver.with_id(LAST_BLESSED_MODEL)


def _evaluator(
    config: PipelineConfig,
    spec: DatasetSpec,
    examples: Importer,
    trainer: Trainer,
    last_blessed: Resolver,
    at_own_size: bool,
) -> Evaluator:
    return Evaluator(
        examples=examples.outputs["result"],
        model=trainer.outputs["model"],
        baseline_model=last_blessed.outputs["model"],
        eval_config=eval_config(spec, config.evaluation, at_own_size),
        example_splits=[EVAL],
    )
