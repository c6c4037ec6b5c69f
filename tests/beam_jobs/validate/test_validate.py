"""The validation job from its command line: what it says of versions, and that it never changes them."""

import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorflow_metadata.proto.v0.anomalies_pb2 import Anomalies

from beam_jobs.validate.command_line import main
from schemas.errors import UserError
from schemas.manifest import Manifest, read_manifest
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import encode, write_pair

pytestmark = pytest.mark.slow

CATS = [f"Bengal_{number}" for number in range(140)]
DOGS = [f"pug_{number}" for number in range(140)]


def picture(seed: int, brightness: float = 1.0) -> bytes:
    """A JPEG like no other seed's."""
    values = np.random.default_rng(seed).uniform(0, 255 * brightness, (5, 6, 3)).astype(np.uint8)
    return encode(Image.fromarray(values).resize((60, 40), Image.Resampling.BICUBIC), "JPEG", quality=90)


def trimap(pet_share: float) -> bytes:
    """Official values: the left part is pet, a tenth border, the rest background."""
    values = np.full((40, 60), 2, np.uint8)
    values[:, : round(60 * (pet_share + 0.1))] = 3
    values[:, : round(60 * pet_share)] = 1
    return encode(Image.fromarray(values), "PNG")


def write_photos(folder: Path, ids: list[str], brightness: float = 1.0) -> Path:
    """Distinct photos, about half of each given to eval by the lists."""
    for seed, image_id in enumerate(ids):
        share = 0.1 + 0.4 * (seed * 37 % 100) / 100
        write_pair(folder, image_id, picture(seed, brightness), trimap(share))
    (folder / "annotations/trainval.txt").write_text("".join(f"{one}\n" for one in ids[::2]))
    (folder / "annotations/test.txt").write_text("".join(f"{one}\n" for one in ids[1::2]))
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Root of published versions: 1.0.0 has as many cats as dogs, 2.0.0 mostly cats and darker photos."""
    folder = tmp_path_factory.mktemp("validate")
    even = write_photos(folder / "even", CATS + DOGS)
    write_pair(even, DOGS[1], picture(0), trimap(0.3))  # the photo of CATS[0], which is in train, again in eval
    skewed = write_photos(folder / "skewed", [*CATS, *(f"Bombay_{number}" for number in range(80)), *DOGS[:20]], 0.4)
    assert prepare(even, folder / "data", "1.0.0", "--split=official") == 0
    assert prepare(skewed, folder / "data", "2.0.0", "--split=official") == 0
    return folder


@pytest.fixture
def version(root, tmp_path) -> Path:
    """A copy of 1.0.0 to spoil."""
    return shutil.copytree(root / "data/pets/1.0.0", tmp_path / "pets/1.0.0")


def validate(version_dir, *options) -> int:
    return main([f"--version_dir={version_dir}", *map(str, options)])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def change_manifest(version_dir: Path, **changes) -> None:
    path = version_dir / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_whole_version_has_no_anomaly_and_photos_in_both_splits_are_a_note(root, capfd):
    version_dir = root / "data/pets/1.0.0"
    before = contents(version_dir)
    assert validate(version_dir) == 0
    printed = capfd.readouterr()
    assert "280 records (train 140, eval 140)" in printed.out
    assert "Note: 1 of " in printed.out
    assert f"or nearly so; the nearest (train/eval): {CATS[0]}/{DOGS[1]}\n" in printed.out
    assert printed.out.endswith("No anomaly\n")
    assert "Traceback" not in printed.err
    assert contents(version_dir) == before


def test_drift_from_a_baseline_is_reported_and_written_in_tfx_layout(root, tmp_path, capsys):
    version_dir, baseline = root / "data/pets/2.0.0", root / "data/pets/1.0.0"
    before = contents(root / "data")
    assert validate(version_dir, f"--baseline={baseline}", f"--output={tmp_path / 'out'}") == 1
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    rows = [re.split("  +", line.strip(), maxsplit=3) for line in lines[2:]]  # after counts and heading
    said = {(row[0], feature) for row in rows for feature in row[1].split(", ")}
    for split in ("train", "eval"):
        for feature in ("species", "breed", "brightness"):
            assert (split, feature) in said
    assert {row[2] for row in rows} == {"drift"}
    assert sorted(contents(tmp_path / "out")) == [
        "anomalies/Split-eval/SchemaDiff.pb",
        "anomalies/Split-train/SchemaDiff.pb",
        "validation.json",
    ]
    anomalies = Anomalies.FromString((tmp_path / "out/anomalies/Split-train/SchemaDiff.pb").read_bytes())
    assert "species" in anomalies.anomaly_info
    outcome = json.loads((tmp_path / "out/validation.json").read_text())
    assert len(outcome["findings"]) == len(said)
    assert all("threshold" in one["measured"] for one in outcome["findings"])
    assert not any(word in one["description"] for one in outcome["findings"] for word in ("distance", "divergence"))
    assert contents(root / "data") == before


def test_a_version_is_held_against_its_own_schema_or_against_another(version, tmp_path, capsys):
    installed = (version / "schema.pbtxt").read_text()
    own = installed.replace('  value: "pug"\n', "").replace("max: 0.5 ", "max: 0.01 ")
    (version / "schema.pbtxt").write_text(own)
    change_manifest(version, schema_sha256=hashlib.sha256(own.encode()).hexdigest())
    assert validate(version) == 1
    rows = [line.split(maxsplit=3) for line in capsys.readouterr().out.splitlines() if " schema " in line]
    assert {tuple(row[:3]) for row in rows} == {
        (split, feature, "schema") for split in ("train", "eval") for feature in ("breed", "contrast")
    }
    assert "pug" in " ".join(row[3] for row in rows)
    (tmp_path / "installed.pbtxt").write_text(installed)
    assert validate(version, f"--schema={tmp_path / 'installed.pbtxt'}") == 0


def test_a_version_in_a_bucket_is_validated_there(version, bucket, storage, capsys):
    storage.put_folder(version, f"{bucket}/pets/1.0.0")
    shard = read_manifest(version).splits["eval"].shards[0]
    storage.delete(f"{bucket}/pets/1.0.0/{shard.path}")
    before = storage.list(f"{bucket}/pets")
    options = [f"--baseline={version}", f"--output={bucket}/out"]
    assert validate(f"{bucket}/pets/1.0.0", *options) == 1
    assert f"eval   {shard.path}  file  missing" in capsys.readouterr().out
    assert storage.list(f"{bucket}/pets") == before
    assert f"{bucket}/out/anomalies/Split-eval/SchemaDiff.pb" in storage.list(f"{bucket}/out")
    with pytest.raises(UserError, match=r"--version_dir gs://.*/pets/3\.0\.0: no manifest\.json"):
        validate(f"{bucket}/pets/3.0.0")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--version_dir=nowhere"], "--version_dir .*nowhere: no such folder"),
        (["--version_dir={root}/data/pets"], r"--version_dir .*pets: no manifest\.json, so nothing is published there"),
        (["--baseline={root}/data/pets/9.9.9"], "--baseline .*9.9.9: no such folder"),
        (["--baseline={version}"], "--baseline .*: is the version itself"),
        (["--baseline={other}"], "--baseline .*: holds birds, not pets"),
        (["--baseline={lost}"], r"--baseline .*: no statistics in .*Split-eval/FeatureStats\.pb"),
        (["--schema=nowhere.pbtxt"], r"--schema .*nowhere\.pbtxt: can't be read"),
        (["--schema={version}/manifest.json"], "--schema .*: not a schema in protobuf's text format"),
        (["--schema={deep}"], "--schema .*: not a schema in protobuf's text format .*recursion"),
        (["--output={version}/again"], "--output .*: lies in the published version"),
        (["--output={root}/data/pets/2.0.0"], "--output .*: is a published version"),
        (["--output={version}/manifest.json/x"], "--output .*"),
        (["--runner=DataflowRunner"], "needs --output"),
        (["--basline=1.0.0"], "--basline=1.0.0: not an option of this job or of Beam"),
    ],
)
def test_unusable_options_are_reported_and_nothing_is_written(root, version, tmp_path, options, message):
    other = shutil.copytree(version, tmp_path / "other" / "1.0.0")
    named = (other / "manifest.json").read_text()
    (other / "manifest.json").write_text(named.replace('"pets"', '"birds"').replace("/pets-", "/birds-"))
    lost = shutil.copytree(version, tmp_path / "lost" / "1.0.0")
    (lost / "statistics/Split-eval/FeatureStats.pb").write_bytes(b"\xff no statistics")
    deep = tmp_path / "deep.pbtxt"
    deep.write_text("feature { struct_domain {" * 20_000)
    before = contents(tmp_path)
    options = [option.format(root=root, version=version, other=other, lost=lost, deep=deep) for option in options]
    with pytest.raises(UserError, match=message):
        validate(version, *options)
    assert contents(tmp_path) == before


def test_a_manifest_of_other_splits_is_refused(version):
    splits = json.loads((version / "manifest.json").read_text())["splits"]
    change_manifest(version, splits={"train": splits["train"]})
    with pytest.raises(UserError, match=r"splits: must be train and eval, .*got 'train'"):
        validate(version)


def test_a_mistake_is_one_line_and_exit_code_two_and_help_is_quick():
    job = [sys.executable, "-m", "beam_jobs.validate"]
    ended = subprocess.run([*job, "--version_dir=/nowhere"], capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr == (
        "error: --version_dir /nowhere: no such folder; give a published version such as ROOT/pets/1.0.0\n"
    )
    code = "import sys, beam_jobs.validate; print({'tensorflow', 'apache_beam'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout == "set()\n"


def test_drift_from_the_baseline_withholds_a_version(root, tmp_path, capsys):
    data = shutil.copytree(root / "data", tmp_path / "data")
    options = ["--split=official", "--baseline=1.0.0"]
    assert prepare(root / "skewed", data, "3.0.0", *options) == 1
    printed = capsys.readouterr().err
    assert "species" in printed
    assert "drift: train photos have other shares of species than in 1.0.0: " in printed
    assert "distance" not in printed
    assert "Accept a difference that you expect with a higher limit: thresholds in dataset.yaml" in printed
    assert not (data / "pets/3.0.0").exists()
    report = (data / "pets/_rejected/3.0.0/report.html").read_text()
    assert "Drift against 1.0.0" in report
    assert report.count('class="bad"') >= 12  # breed, species and brightness of both splits, there and in statistics
    # the same photos again, and the option says nothing about the content: the manifests are the same but for the name
    assert prepare(root / "even", data, "1.0.1", *options) == 0
    assert "Drift against 1.0.0" in (data / "pets/1.0.1/report.html").read_text()
    assert "Drift against" not in (data / "pets/1.0.0/report.html").read_text()
    again, first = (read_manifest(data / "pets" / version) for version in ("1.0.1", "1.0.0"))
    assert again == Manifest(**first.model_dump() | {"version": "1.0.1"})


def test_a_baseline_that_is_not_published_is_reported_before_anything_is_written(root, tmp_path):
    with pytest.raises(UserError, match=r"--baseline .*pets/1\.0\.0: no such folder"):
        prepare(root / "even", tmp_path / "data", "2.0.0", "--baseline=1.0.0")
    with pytest.raises(UserError, match=r"baseline: 1\.0\.0 is the version to be made"):
        prepare(root / "even", tmp_path / "data", "1.0.0", "--baseline=1.0.0")
    assert not (tmp_path / "data").exists()


def test_masks_with_swapped_classes_break_a_rule_and_withhold_a_version(root, tmp_path, capsys):
    swapped = shutil.copytree(root / "even", tmp_path / "swapped")
    for path in (swapped / "annotations/trimaps").iterdir():
        values = np.asarray(Image.open(io.BytesIO(path.read_bytes())))
        path.write_bytes(encode(Image.fromarray(np.array([0, 2, 1, 3], np.uint8)[values]), "PNG"))
    assert prepare(swapped, tmp_path / "data", "1.0.0", "--split=official") == 1
    printed = capsys.readouterr().err
    assert "pet_fraction" in printed
    assert "rule: The mean is 0.6" in printed


def test_folders_whose_names_look_like_patterns_are_read_and_written_as_they_are(version, tmp_path, capfd):
    odd = tmp_path / "[odd]? *"
    shutil.copytree(version, odd / "pets/1.0.0")
    shutil.copytree(version, tmp_path / "oxx x" / "pets/1.0.0")  # what the pattern would match as well
    stray = odd / "pets/1.0.0/examples/Split-train/stray"
    stray.write_bytes(b"")
    assert validate(odd / "pets/1.0.0", f"--output={odd / 'out'}") == 1
    assert "examples/Split-train/stray" in capfd.readouterr().out
    stray.unlink()
    assert validate(odd / "pets/1.0.0", f"--output={odd / 'out'}") == 0
    assert (odd / "out" / "validation.json").is_file()
