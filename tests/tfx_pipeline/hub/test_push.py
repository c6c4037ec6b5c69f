"""What a push leaves on the Hub, seen through the real client."""

import json
import subprocess
import sys

import pytest
from huggingface_hub import HfApi

from tests.tfx_pipeline.hub.api import WRITE_TOKEN
from tests.tfx_pipeline.hub.pushes import FILES, MODEL, held, push, tag_of
from tfx_pipeline.hub.client import HubRefused

WRITES = ("/api/repos/create", "/preupload/", "/commit/", "/branch/", "/tag/", "/lfs/", "/objects/batch")
DOWNLOAD = """
import hashlib, json, pathlib, sys
from huggingface_hub import snapshot_download
folder = pathlib.Path(snapshot_download(sys.argv[1], revision=sys.argv[2], endpoint=sys.argv[3], cache_dir=sys.argv[4]))
files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
print(json.dumps({path: hashlib.sha256(content).hexdigest() for path, content in files.items()}))
"""


def test_a_first_push_makes_the_repository_one_commit_and_a_tag(hub):
    pushed = push(hub)
    repository = hub.model(MODEL)
    assert held(hub) == FILES
    assert [commit.title for commit in repository.history()] == ["Model 1", "initial commit"]
    assert pushed.commit == repository.head.oid
    assert repository.tags == {tag_of(FILES): pushed.commit}
    assert pushed.commit_url == f"{hub.endpoint}/{MODEL}/tree/{pushed.commit}"
    assert pushed.changed is True


def test_large_and_binary_files_are_sent_as_lfs_objects_and_text_is_not(hub):
    push(hub)
    stored = hub.model(MODEL).head.files
    assert stored["model.tflite"].lfs
    assert stored["saved_model/saved_model.pb"].lfs
    assert not stored["README.md"].lfs


def test_a_download_in_a_fresh_process_has_the_same_bytes(hub, tmp_path):
    pushed = push(hub)
    command = [sys.executable, "-c", DOWNLOAD, MODEL, pushed.tag, hub.endpoint, str(tmp_path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    expected = {path: file.sha256 for path, file in hub.model(MODEL).head.files.items()}
    assert json.loads(ended.stdout) == expected
    assert set(expected) == {*FILES, ".gitattributes"}


def test_the_same_content_again_writes_nothing(hub):
    first = push(hub)
    before = len(hub.requests)
    again = push(hub)
    assert (again.commit, again.tag, again.changed) == (first.commit, first.tag, False)
    assert [one.path for one in hub.requests[before:] if any(part in one.path for part in WRITES)] == []


def test_other_content_replaces_the_old_in_one_commit_and_deletes_what_is_gone(hub):
    push(hub)
    files = {path: content for path, content in FILES.items() if path != "model.tflite"}
    files |= {"README.md": b"---\ntags: [b]\n---\n", "model_int8.tflite": b"TFL3\0int8"}
    pushed = push(hub, files)
    assert held(hub) == files
    assert len(hub.model(MODEL).history()) == 3
    assert hub.model(MODEL).tags == {tag_of(FILES): hub.model(MODEL).history()[1].oid, tag_of(files): pushed.commit}


def test_only_what_has_changed_is_sent_again(hub):
    push(hub)
    hub.requests.clear()
    push(hub, FILES | {"README.md": b"---\ntags: [c]\n---\n"})
    assert hub.asked("PUT") == []
    [commit] = hub.asked("POST", "/commit/")
    assert [json.loads(line)["key"] for line in commit.body.splitlines()] == ["header", "file"]


def test_a_branch_is_made_and_main_is_left_alone(hub):
    push(hub)
    files = FILES | {"README.md": b"---\ntags: [next]\n---\n"}
    push(hub, files, branch="next")
    assert held(hub) == FILES
    assert held(hub, branch="next") == files


def test_a_repository_with_more_than_a_page_of_files_is_compared_whole(hub):
    files = {f"saved_model/assets/{number:03}.txt": b"%d" % number for number in range(90)} | FILES
    push(hub, files)
    assert push(hub, files).changed is False
    assert push(hub).changed is True
    assert held(hub) == FILES


def test_a_repository_made_on_the_web_page_is_filled(hub):
    api = HfApi(endpoint=hub.endpoint, token=WRITE_TOKEN)
    api.create_repo(MODEL)
    api.upload_file(repo_id=MODEL, path_in_repo="README.md", path_or_fileobj=b"---\nlicense: mit\n---\n")
    push(hub)
    assert held(hub) == FILES


def test_files_that_this_pipeline_did_not_push_are_not_deleted(hub):
    api = HfApi(endpoint=hub.endpoint, token=WRITE_TOKEN)
    api.create_repo(MODEL)
    api.upload_file(repo_id=MODEL, path_in_repo="thesis.txt", path_or_fileobj=b"years of work")
    with pytest.raises(HubRefused, match=r"did not push, such as thesis\.txt.*name another repository"):
        push(hub)
    assert held(hub) == {"thesis.txt": b"years of work"}


def test_a_model_of_somebody_else_is_not_replaced(hub):
    api = HfApi(endpoint=hub.endpoint, token=WRITE_TOKEN)
    api.create_repo(MODEL)
    api.upload_file(repo_id=MODEL, path_in_repo="model.tflite", path_or_fileobj=b"TFL3\0 of another user")
    with pytest.raises(HubRefused, match=r"did not push, such as model\.tflite"):
        push(hub)
    assert held(hub) == {"model.tflite": b"TFL3\0 of another user"}


def test_a_push_that_died_before_its_tag_does_not_stop_the_next_one(hub):
    push(hub)
    hub.model(MODEL).tags.clear()
    files = FILES | {"model.tflite": b"TFL3\0 the next one"}
    push(hub, files)
    assert held(hub) == files


def test_a_private_model_is_not_pushed_to_a_public_repository(hub):
    push(hub)
    with pytest.raises(HubRefused, match="it is public, the configuration says private"):
        push(hub, FILES | {"README.md": b"---\ntags: [secret]\n---\n"}, private=True)
    assert held(hub) == FILES


def test_a_private_repository_is_made_private(hub):
    push(hub, private=True)
    assert hub.model(MODEL).private
    assert push(hub, private=True).changed is False
