"""Restoring a published version that was deleted, by the steps of README.md, with Google's client against loopback.

`gcloud storage` itself is not run: its two commands are the two calls that it makes, a listing of all generations and a
copy of one of them.
"""

from pathlib import Path

from google.cloud import storage

from tfx_pipeline import deploy

README = Path(deploy.__file__).parent / "terraform" / "README.md"
VERSION = "data/pets/1.0.0"


def steps() -> list[str]:
    """The commands below "Restoring"."""
    section = README.read_text().split("\n## Restoring\n")[1].split("\n## ")[0]
    return [line.strip().split()[:3] for line in section.splitlines() if line.startswith("    ")]


def test_a_version_that_was_deleted_is_restored_from_its_older_generations(stage, toy_version):
    assert steps() == [["gcloud", "storage", "ls"], ["gcloud", "storage", "cp"], ["python", "-m", "beam_jobs.validate"]]
    uri = f"gs://rehearsal-bucket/{VERSION}"
    stage.buckets.add_folder(toy_version, uri)
    stage.buckets.versioning = True
    try:
        before = {one.relative_to(toy_version): one.read_bytes() for one in toy_version.rglob("*") if one.is_file()}
        bucket = storage.Client(project="rehearsal-project").bucket("rehearsal-bucket")
        for blob in list(bucket.list_blobs(prefix=f"{VERSION}/")):
            blob.delete()
        assert not list(bucket.list_blobs(prefix=f"{VERSION}/"))

        newest = {blob.name: blob for blob in bucket.list_blobs(prefix=f"{VERSION}/", versions=True)}
        for name in sorted(newest, key=lambda name: name.endswith("/manifest.json")):  # the manifest last
            bucket.copy_blob(newest[name], bucket, name, source_generation=newest[name].generation)

        restored = stage.buckets.of_uri(uri)
        assert {path: (restored / path).read_bytes() for path in before} == before
    finally:
        stage.buckets.versioning = False
