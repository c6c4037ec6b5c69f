"""What is known to be wrong before anything starts, on this machine and at Google."""

import shutil

import pytest
import yaml
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList

from schemas.errors import UserError
from schemas.version import read_version
from tfx_pipeline.config.pipeline import load_cloud_config, load_config
from tfx_pipeline.local_runner import EXIT_USER_ERROR, main
from tfx_pipeline.preflight import check_run
from tfx_pipeline.vertex.compile import read_version as compile_version


@pytest.fixture
def refused(write_config, toy_version):
    """Lines of what a local run of the toy version is refused for; arguments as on the command line."""

    def lines(*settings: str, data=toy_version, **changes) -> list[str]:
        config = load_config(write_config(**changes), data=str(data), settings=settings)
        with pytest.raises(UserError) as raised:
            check_run(config, read_version(data))
        return str(raised.value).splitlines()

    return lines


@pytest.fixture
def refused_at_google(toy_version, tmp_path):
    """The same for a run on Vertex AI, of the rehearsal's configuration."""

    def lines(*settings: str, hub=None, version=None) -> list[str]:
        from tests.tfx_pipeline.conftest import REHEARSAL_CONFIG

        values = yaml.safe_load(REHEARSAL_CONFIG.read_text())
        path = tmp_path / "cloud.yaml"
        path.write_text(yaml.safe_dump(values | ({"hub": hub} if hub else {})))
        config = load_cloud_config(path, settings=settings).model_copy(update={"data": str(toy_version)})
        with pytest.raises(UserError) as raised:
            check_run(config, version or read_version(toy_version), on_vertex=True)
        return str(raised.value).splitlines()

    return lines


@pytest.mark.parametrize(
    ("setting", "line"),
    [
        ("training.batch_size=9", "training.batch_size 9 is more than the 8 training records; lower it"),
        (
            "training.class_weights={sofa: 2}",
            "training.class_weights: no class sofa; there are pet, background, border",
        ),
        ("training.crop_size=64", "training.crop_size 64 is more than the version's image_size 32"),
        ("training.distribution=multi_worker", "training.distribution: multi_worker, but TF_CONFIG names no second"),
        ("training.encoder_weights=absent.weights.h5", "training.encoder_weights: no file 'absent.weights.h5'; unet"),
    ],
)
def test_a_run_that_would_fail_in_training_is_refused(refused, monkeypatch, setting, line):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    [found] = refused(setting)
    assert found.startswith(line)


def test_one_image_for_deeplabs_normalization_is_refused(refused):
    [line] = refused("training.model=deeplabv3plus", "training.batch_size=1")
    assert "training.batch_size 1: deeplabv3plus normalizes over the images of a batch" in line


def test_all_that_is_wrong_is_named_at_once(refused):
    floors = {"min_mean_iou": 0.5, "min_iou": {"dog": 0.5}}
    hub = {"model_repo": "acme/pets", "token": "NO_SUCH_VARIABLE"}
    lines = refused("training.batch_size=9", "training.class_weights={sofa: 2}", evaluation=floors, hub=hub)
    assert [line.split(":")[0].split()[0] for line in lines] == [
        *("training.class_weights", "training.batch_size", "evaluation.min_iou", "hub.token"),
    ]


def test_values_that_a_search_would_fail_at_are_refused(refused):
    search = {"trials": 2, "epochs": 1, "search": {"batch_size": [4, 16]}}
    [line] = refused(tuning=search)
    assert line.startswith("tuning.search: batch_size 16: batch_size 16 is more than the 8 training records")


def test_a_setting_that_a_search_replaces_is_not_judged(write_config, toy_version):
    search = {"trials": 2, "epochs": 1, "search": {"batch_size": [2, 4]}}
    config = load_config(write_config(tuning=search), settings=["training.batch_size=9"])
    check_run(config, read_version(toy_version))


@pytest.fixture
def version_without_border(toy_version, tmp_path):
    """A version whose eval split has no pixel of the class `border`, as its statistics say."""
    version = shutil.copytree(toy_version, tmp_path / "pets" / "1.0.0")
    statistics = DatasetFeatureStatisticsList()
    split = statistics.datasets.add(num_examples=read_version(toy_version).manifest.splits["eval"].records)
    for name, largest in (("pet_fraction", 0.5), ("border_fraction", 0.0)):
        feature = split.features.add()
        feature.path.step.append(name)
        feature.num_stats.max = largest
        feature.num_stats.common_stats.num_non_missing = 14
    path = version / "statistics" / "Split-eval" / "FeatureStats.pb"
    path.write_bytes(statistics.SerializeToString())
    return version


def test_a_floor_on_a_class_that_the_eval_split_lacks_says_so(refused, version_without_border):
    floors = {"min_mean_iou": 0.5, "min_iou": {"border": 0.3, "pet": 0.4}}
    [line] = refused(data=version_without_border, evaluation=floors)
    assert line.startswith("evaluation.min_iou.border: no mask of the eval split has a pixel of 'border'")


@pytest.mark.parametrize("split", ["train", "eval"])
def test_damaged_or_missing_statistics_are_named(refused, version_without_border, split):
    path = version_without_border / "statistics" / f"Split-{split}" / "FeatureStats.pb"
    path.write_bytes(b"\xff\xff\xff")
    [line] = refused(data=version_without_border)
    assert line.startswith(f"{path}: cannot be read")
    path.unlink()
    [line] = refused(data=version_without_border)
    assert line.startswith(f"{path}: cannot be read")


def test_statistics_of_another_split_are_refused(refused, version_without_border):
    folder = version_without_border / "statistics"
    shutil.copy(folder / "Split-eval" / "FeatureStats.pb", folder / "Split-train" / "FeatureStats.pb")
    [line] = refused(data=version_without_border)
    records = read_version(version_without_border).manifest.splits
    expected = f"is of {records['eval'].records} records, the manifest of {records['train'].records}"
    assert line.startswith(f"{folder / 'Split-train' / 'FeatureStats.pb'}: {expected}")


def test_the_command_line_refuses_before_anything_is_written(write_config, capsys, tmp_path):
    assert main(["--config", str(write_config()), "--set=training.batch_size=9"]) == EXIT_USER_ERROR
    assert "batch_size 9 is more than" in capsys.readouterr().err
    assert not (tmp_path / "output").exists()


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (["cloud.training.replicas=3"], "training.batch_size 4 cannot be shared by 3 replicas; make it a multiple"),
        (
            ["cloud.training.accelerator_count=4", "training.batch_size=6"],
            "training.batch_size 6 cannot be shared by 4",
        ),
        (
            ["cloud.training.replicas=4", "training.model=deeplabv3plus"],
            "training.batch_size 4: deeplabv3plus normalizes over the images of a batch",
        ),
        (
            ["training.distribution=multi_worker"],
            "training.distribution: multi_worker, but cloud.training.replicas is 1",
        ),
        (
            ["cloud.training.replicas=2", "training.distribution=mirrored"],
            "training.distribution: mirrored uses one machine, cloud.training.replicas is 2",
        ),
        (
            ["cloud.training.accelerator_count=2", "training.distribution=single"],
            "training.distribution: single uses one of 2 accelerators",
        ),
        (["training.distribution=mirrored"], "training.distribution: mirrored needs several accelerators"),
        (
            ["training.model=unet", "training.encoder_weights=gs://b/x.weights.h5"],
            "training.encoder_weights: no file 'gs://b/x.weights.h5'",
        ),
    ],
)
def test_a_training_that_googles_machines_could_not_run_is_refused(refused_at_google, settings, line):
    [found] = refused_at_google(*settings)
    assert found.startswith(line)


def test_a_search_at_google_is_judged_by_its_one_machine(refused_at_google):
    search = '{"trials": 2, "epochs": 1, "search": {"batch_size": [8, 6]}}'
    [line] = refused_at_google("cloud.training.accelerator_count=4", "training.batch_size=8", f"tuning={search}")
    assert line.startswith("tuning.search: batch_size 6: batch_size 6 cannot be shared by 4 replicas")


def test_a_data_set_whose_name_is_no_label_at_google_is_refused(refused_at_google, toy_version):
    version = read_version(toy_version)
    renamed = version._replace(manifest=version.manifest.model_copy(update={"dataset": "p" * 64}))
    [line] = refused_at_google(version=renamed)
    assert line.startswith(f"data: the data set's name '{'p' * 64}' has 64 letters")


def test_the_compiler_makes_the_same_checks_before_it_sends_anything(toy_version, stage, cloud_config):
    stage.buckets.add_folder(toy_version, cloud_config.data)
    training = cloud_config.training.model_copy(update={"batch_size": 9})
    with pytest.raises(UserError, match="batch_size 9 is more than the 8 training records"):
        compile_version(cloud_config.model_copy(update={"training": training}))
