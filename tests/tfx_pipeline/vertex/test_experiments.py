"""Logging a run to experiments, TensorBoard and the Model Registry, through Google's client, against loopback."""

import json

import pytest
import tensorflow as tf
from google.api_core.exceptions import PermissionDenied
from google.cloud import aiplatform
from google.protobuf import json_format
from tfx.types.standard_artifacts import Model

from schemas.errors import UserError
from schemas.metrics import Counts, figures
from schemas.shipped import load_spec
from schemas.version import read_version
from tests.tfx_pipeline.vertex.test_pusher import push_model  # noqa: F401
from tfx_pipeline.config.cloud import Tracking
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics
from tfx_pipeline.vertex import tracker
from tfx_pipeline.vertex.compile import compile_job
from tfx_pipeline.vertex.experiments import Run, log_run, parameters_of, register_evaluation, run_name, track
from tfx_pipeline.vertex.platform import VertexPlatform
from tfx_pipeline.vertex.rehearsal.access import RUNNER
from tfx_pipeline.vertex.tracker import TrackArguments
from trainer.config import TrainingConfig
from trainer.export import write_model_info
from trainer.tensorboard import TensorBoardWriter

ACCOUNT = RUNNER
TENSORBOARD = "projects/rehearsal-project/locations/europe-west4/tensorboards/77"
MATRIX = ((6, 2, 0), (1, 8, 1), (0, 1, 1))
CURVES = {10: {"train/loss": 1.5, "validation/mean_iou": 0.25}, 20: {"train/loss": 1.0}}


@pytest.fixture
def log(stage, cloud_config):
    """Logs a run, with changes to it, as `cloud.tracking` says."""
    stage.service.forget_experiments()
    stage.service.evaluations.clear()
    stage.service.add_tensorboard(TENSORBOARD)
    aiplatform.init(project=cloud_config.cloud.project, location=cloud_config.cloud.region)

    def run(tensorboard: str | None = TENSORBOARD, **changes) -> Run:
        run = logged()._replace(**changes)
        log_run(Tracking(experiment="pets", tensorboard=tensorboard), run)
        return run

    return run


def logged() -> Run:
    """What is logged of one model."""
    names = load_spec("pets").class_names
    values = {"mean_iou": 0.5, "pixel_accuracy": 0.75, "iou": {names[0]: 0.6, names[1]: 0.4, names[2]: None}}
    overall = SliceMetrics(examples=14, values={**values, "boundary_f_score": None})
    evaluation = Evaluation(overall, {}, blessed=True, confusion_matrix=MATRIX)
    parameters = parameters_of({"model": "unet", "epochs": 2, "seed": None, "average_mirrored": True, "a": {"b": 0.5}})
    return Run(run_name("1.0.0-rc1", "0123456789abcdef"), parameters, evaluation, CURVES)


def curves(stage) -> dict[str, dict[int, float]]:
    """What TensorBoard shows, by the name of a curve."""
    service = stage.service
    return {service.time_series[name].display_name: points for name, points in service.points.items()}


def test_a_run_shows_parameters_metrics_and_curves(stage, log):
    log()
    run = aiplatform.ExperimentRun("1-0-0-rc1-0123456789ab", experiment="pets")
    assert run.get_params() == {"model": "unet", "epochs": 2, "average_mirrored": "True", "a.b": 0.5}
    assert run.get_metrics() == {
        "mean_iou": 0.5,
        "pixel_accuracy": 0.75,
        "iou_pet": 0.6,
        "iou_background": 0.4,
        "blessed": 1,
        "examples": 14,
    }
    assert run.state.name == "COMPLETE"
    assert curves(stage) == {"train/loss": {10: 1.5, 20: 1.0}, "validation/mean_iou": {10: 0.25}}
    [experiment] = [name for name in stage.service.context_children if name.endswith("/contexts/pets")]
    assert [one.rpartition("/")[2] for one in stage.service.context_children[experiment]] == [f"pets-{run.name}"]


def test_a_step_that_is_repeated_logs_nothing_twice(stage, log):
    log()
    before = len(stage.service.calls)
    log(parameters={"model": "another"})
    changing = [
        call.method for call in stage.service.calls[before:] if call.method.startswith(("Create", "Add", "Write"))
    ]
    assert not changing
    assert aiplatform.ExperimentRun("1-0-0-rc1-0123456789ab", experiment="pets").get_params()["model"] == "unet"


def test_a_second_model_is_a_second_run_of_the_experiment(stage, log):
    log()
    log(name="1-0-1-fedcba987654")
    assert {name.rpartition("/")[2] for name in stage.service.contexts} == {
        "pets",
        "pets-1-0-0-rc1-0123456789ab",
        "pets-1-0-1-fedcba987654",
    }


def test_without_a_tensorboard_none_is_made_or_asked(stage, log):
    before = len(stage.service.calls)
    log(tensorboard=None)
    assert not [call.method for call in stage.service.calls[before:] if "Tensorboard" in call.method]
    assert not stage.service.points


def test_a_tensorboard_that_is_not_there_is_named(log):
    with pytest.raises(UserError, match=r"cloud.tracking.tensorboard: .*/tensorboards/99 is not found"):
        log(tensorboard=TENSORBOARD.replace("77", "99"))


def test_an_experiment_keeps_its_tensorboard(stage, log):
    log()
    other = TENSORBOARD.replace("77", "78")
    stage.service.add_tensorboard(other)
    with pytest.raises(UserError, match=r"cloud.tracking.tensorboard: Experiment pets already associated"):
        log(tensorboard=other, name="another-run")


def test_an_account_without_the_role_is_refused(stage, log, monkeypatch):
    monkeypatch.setattr(stage.gate, "access", stage.gate.access.without(RUNNER, "roles/aiplatform.user"))
    with pytest.raises(PermissionDenied, match=r"aiplatform\.metadataStores\.get"):
        log()


def test_the_registered_version_shows_its_evaluation_once(stage, log, push_model):  # noqa: F811
    version, run = push_model(1), log()
    register_evaluation(version, run)
    register_evaluation(version, run)
    [evaluation] = stage.service.evaluations.values()
    assert evaluation.name.startswith(f"{version}/evaluations/")
    assert evaluation.metrics_schema_uri.endswith("/image_segmentation_metrics_1.0.0.yaml")
    shown = json_format.MessageToDict(type(evaluation).pb(evaluation))
    [entry] = shown["metrics"]["confidenceMetricsEntries"]
    assert entry["confusionMatrix"]["rows"] == [list(row) for row in MATRIX]
    assert [one["displayName"] for one in entry["confusionMatrix"]["annotationSpecs"]] == [
        "pet",
        "background",
        "border",
    ]
    assert entry["recall"] == pytest.approx((6 / 8 + 8 / 10 + 1 / 2) / 3)
    assert entry["precision"] == pytest.approx((6 / 7 + 8 / 11 + 1 / 2) / 3)
    assert entry["iouScore"] == pytest.approx((6 / 9 + 8 / 13 + 1 / 3) / 3)
    assert entry["diceScoreCoefficient"] == pytest.approx((12 / 15 + 16 / 21 + 2 / 4) / 3)
    assert shown["metadata"]["iou"] == {"pet": 0.6, "background": 0.4, "border": None}


def test_the_curves_are_those_that_the_training_wrote(tmp_path):
    spec = load_spec("pets")
    writer = TensorBoardWriter(str(tmp_path), spec)
    writer.epoch(4, loss=0.5, learning_rate=0.125, images_per_second=8.0)
    counts = Counts(tf.constant(MATRIX).numpy(), tf.zeros((3, 4), tf.int64).numpy())
    writer.evaluation(4, counts, loss=0.75)
    read = tracker.read_curves(str(tmp_path))
    assert read[4]["train/loss"] == 0.5
    assert read[4]["train/learning_rate"] == 0.125
    [mean_iou] = [figure.of(counts) for figure in figures(spec.class_names) if figure.name == "mean_iou"]
    assert read[4]["validation/mean_iou"] == pytest.approx(float(mean_iou))


def test_the_parameters_are_those_in_the_model(toy_version, tmp_path):
    manifest, spec = read_version(toy_version)
    trained = Model()
    trained.uri = str(tmp_path)
    training = TrainingConfig(encoder_weights="none", epochs=3, fine_tune_epochs=0)
    write_model_info(f"{trained.uri}/Format-Serving", spec, 32, manifest.sha256, training, "0" * 64)
    parameters = tracker.read_parameters(trained)
    assert (parameters["epochs"], parameters["encoder_weights"]) == (3, "none")


def test_a_model_that_was_not_pushed_is_logged_too_but_has_no_version_to_evaluate(stage, log):
    log(tensorboard=None)
    track(Tracking(experiment="pets", evaluations=True), logged()._replace(name="not-pushed"), None)
    assert any(name.endswith("/contexts/pets-not-pushed") for name in stage.service.contexts)
    assert not stage.service.evaluations


def test_evaluations_need_no_experiment(stage, log, push_model):  # noqa: F811
    track(Tracking(evaluations=True), logged(), push_model(1))
    assert len(stage.service.evaluations) == 1
    assert not stage.service.contexts


def test_nothing_is_logged_unless_configured(cloud_config):
    silent = cloud_config.model_copy(update={"cloud": cloud_config.cloud.model_copy(update={"tracking": None})})
    assert VertexPlatform(silent.cloud, None).tracker(silent, None, None, None, None) is None


def test_the_job_logs_after_the_push_what_is_configured(cloud_config, toy_version, tmp_path):
    tracking = Tracking(experiment="pets", tensorboard=TENSORBOARD, evaluations=True)
    config = cloud_config.model_copy(update={"cloud": cloud_config.cloud.model_copy(update={"tracking": tracking})})
    compile_job(config, read_version(toy_version), tmp_path / "pipeline.json")
    job = json.loads((tmp_path / "pipeline.json").read_text())
    task = job["pipelineSpec"]["root"]["dag"]["tasks"]["Tracker"]
    sources = {key: one["taskOutputArtifact"]["producerTask"] for key, one in task["inputs"]["artifacts"].items()}
    assert sources == {"model": "Trainer", "model_run": "Trainer", "evaluation": "Evaluator", "pushed_model": "Pusher"}
    given = task["inputs"]["parameters"]["arguments"]["runtimeValue"]["constantValue"]["stringValue"]
    assert TrackArguments.model_validate_json(given).tracking == tracking
