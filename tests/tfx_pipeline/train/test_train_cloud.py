"""`make train INPUT=gs://...`: photos in a bucket, everything that is written here."""

from schemas.manifest import read_manifest
from tests.beam_jobs.describe.test_describe import draw, soft
from tfx_pipeline.train.command_line import main


def test_photos_in_a_bucket_become_a_version_and_a_configuration_here(storage, bucket, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    storage.put_folder(draw(tmp_path / "leaves", soft, 12, "{}.jpg", "{}.png"), f"{bucket}/leaves")
    assert main([f"--input={bucket}/leaves"]) == 2
    assert f"Look at {bucket}/leaves/dataset.html" in capsys.readouterr().out
    described = storage.get(f"{bucket}/leaves/dataset.yaml").decode().replace('"?"', "leaf")
    storage.put(f"{bucket}/leaves/dataset.yaml", described.encode())
    assert main([f"--input={bucket}/leaves", "--set=training.epochs=-1"]) == 2  # that far: nothing is trained
    output = tmp_path / "runs" / "leaves"
    assert read_manifest(output / "data/leaves/1.0.0").image_size == "96x64"
    assert f"{output / 'pipeline.yaml'}: training.epochs: Input should be" in capsys.readouterr().err
