"""Two jobs of one version in a bucket, with different content: in any order, their files never mix."""

import pytest

from beam_jobs.prepare.claim import ClaimLost, claim_uri, publish_claim
from beam_jobs.prepare.decision import Decision
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import mark_staging
from beam_jobs.prepare.publish import MoveFile, conclude, files_to_move
from beam_jobs.storage.versions import read_manifest
from schemas.contract import dataset_text
from schemas.shipped import load_spec
from tests.beam_jobs.conftest import GOOD, write_pair
from tests.beam_jobs.jobs import prepare

QUALITIES = (92, 70)


@pytest.fixture(scope="module")
def contents(tmp_path_factory):
    """Folders of one version with other content each."""
    folder = tmp_path_factory.mktemp("contents")
    for image_id in GOOD:
        write_pair(folder / "photos", image_id)
    for quality in QUALITIES:
        options = (f"--jpeg_quality={quality}", "--near_duplicates=ignore")
        assert prepare(folder / "photos", folder / str(quality), "1.0.0", *options) == 0
    return [folder / str(quality) / "pets" / "1.0.0" for quality in QUALITIES]


class Job:
    """A job that has decided to publish, with all files in its staging folder; it proceeds step by step."""

    def __init__(self, content, storage, bucket):
        self.content = content
        self.options = PrepareOptions(dataset="pets", input="gs://photos", output=bucket, version="1.0.0")
        lines = tuple(str(path.relative_to(content)) for path in content.rglob("*.jsonl"))
        self.decision = Decision(
            read_manifest(str(content)), (), 0, lines, dataset_text=dataset_text(load_spec("pets"))
        )
        mark_staging(self.options)
        for path in content.rglob("*"):
            if path.is_file() and path.name not in ("manifest.json", "metrics.json"):
                storage.put(f"{self.options.staging_dir}/{path.relative_to(content)}", path.read_bytes())
        self.moves, self.moved = [], []

    def begin(self):
        self.moves = list(files_to_move(self.decision, self.options))

    def move(self, count=None):
        while self.moves and count != 0:
            self.moved += MoveFile(self.options).process(self.moves[0])
            del self.moves[0]
            count = count and count - 1

    def conclude(self):
        return conclude(self.decision, self.moved, self.options)

    def check_published(self, storage):
        """The version is this job's, and nothing else is left."""
        folder = self.options.version_dir
        assert [uri for uri in storage.list(self.options.output) if not uri.startswith(f"{folder}/")] == []
        mine = {str(path.relative_to(self.content)): path for path in self.content.rglob("*") if path.is_file()}
        del mine["metrics.json"]
        assert [uri.removeprefix(f"{folder}/") for uri in storage.list(f"{folder}/")] == sorted(mine)
        for name, path in mine.items():
            assert storage.get(f"{folder}/{name}") == path.read_bytes(), name


@pytest.fixture
def jobs(contents, storage, bucket):
    return [Job(content, storage, bucket) for content in contents]


@pytest.mark.parametrize("moved_before", [0, 1, 5, None])
def test_the_job_that_begins_to_publish_last_publishes_and_the_other_one_stops(jobs, storage, moved_before):
    first, second = jobs
    first.begin()
    first.move(moved_before)
    second.begin()
    second.move(3)
    if moved_before is not None:
        with pytest.raises(ClaimLost, match="another job of this version has begun to publish it"):
            first.move()
    second.move()
    with pytest.raises(ClaimLost, match="another job of this version has begun to publish it"):
        first.conclude()
    second.conclude()
    second.check_published(storage)


def test_a_job_that_was_stopped_before_its_manifest_does_not_publish_when_another_one_has_taken_over(jobs, storage):
    first, second = jobs
    first.begin()
    first.move()
    second.begin()
    second.move(2)
    manifest = f"{first.options.version_dir}/manifest.json"
    assert not publish_claim(claim_uri(first.options), first.moved[0].claim, manifest)
    assert manifest not in storage.list(first.options.version_dir)
    second.move()
    second.conclude()
    second.check_published(storage)


def test_a_job_that_was_stopped_before_it_begins_says_that_another_one_has_published(jobs, storage, bucket):
    first, second = jobs
    first.begin()
    first.move()
    first.conclude()
    published = {uri: storage.get(uri) for uri in storage.list(first.options.version_dir)}
    with pytest.raises(RuntimeError, match="was published by another job, with other content"):
        second.begin()
    assert {uri: storage.get(uri) for uri in storage.list(bucket)} == published


def test_a_file_that_was_replaced_after_its_move_is_not_published(jobs, storage):
    first, _ = jobs
    first.begin()
    first.move()
    shard = next(one.path for one in first.moved if "/examples/" in one.path)
    storage.put(shard, storage.get(shard)[::-1])  # of the same size
    with pytest.raises(ClaimLost, match="was replaced after this job had moved it"):
        first.conclude()
    assert f"{first.options.version_dir}/manifest.json" not in storage.list(first.options.version_dir)


def test_what_an_interrupted_job_has_moved_makes_room_for_the_next_one(jobs, storage):
    first, second = jobs
    first.begin()
    first.move(6)
    second.begin()
    second.move()
    second.conclude()
    second.check_published(storage)
