"""Folders of a dry run: whole or not at all, however a process that writes one ends."""

import os
import subprocess
import sys

from tfx_pipeline.hub.contents import write_folder

WRITE = """
import sys
from pathlib import Path
from tfx_pipeline.hub.contents import write_folder
write_folder({"a": b"new", "b": Path(sys.argv[1])}, Path(sys.argv[2]))
"""


def test_a_writer_that_is_killed_leaves_the_last_folder_whole_and_the_next_one_cleans_up(tmp_path):
    pipe, folder = tmp_path / "pipe", tmp_path / "repositories" / "model"
    write_folder({"a": b"old"}, folder)
    os.mkfifo(pipe)
    writer = subprocess.Popen([sys.executable, "-c", WRITE, str(pipe), str(folder)])
    with pipe.open("wb"):  # opens as soon as the writer has the first file and opens the second
        writer.kill()
        writer.wait()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"old"}
    assert len(list(folder.parent.iterdir())) == 2
    write_folder({"a": b"new"}, folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"new"}
    assert list(folder.parent.iterdir()) == [folder]
