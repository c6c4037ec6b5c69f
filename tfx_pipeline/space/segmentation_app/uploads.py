"""Visitors' photos: only files that were uploaded to this app are ever opened, and none survives it."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import gradio as gr
from gradio.blocks import Block
from gradio.data_classes import Base64ImageData, ImageData
from gradio.utils import get_upload_folder

from .photo import MAX_FILE_BYTES, SMALLER, PhotoRefused

# The same answer to every path that was not uploaded, so that it does not reveal whether such a file exists.
NOT_UPLOADED = "This photo was not uploaded here. Upload it first."


@contextlib.contextmanager
def upload_folder() -> Iterator[Path]:
    """A new folder for uploads and everything that Gradio stores; deleted at the end, also after Ctrl-C or SIGTERM."""
    signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="photos-", dir=os.environ.get("GRADIO_TEMP_DIR")) as folder:
        os.environ["GRADIO_TEMP_DIR"] = folder
        yield Path(folder)


def _leave(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


class UploadedImage(gr.Image):
    """Gives the path of what was uploaded: `read_upload` and `read_photo` check it before anything decodes it."""

    is_template = True  # shown as the class that it extends

    def preprocess(self, payload: ImageData | Base64ImageData | None) -> str | None:
        """The path that a page or a program names, if any."""
        return payload.path if isinstance(payload, ImageData) else None


def read_upload(path: str) -> bytes:
    """Reads an uploaded file; refuses any other path that an API call names.

    Raises:
      PhotoRefused: Not a regular file in the upload folder, or larger than an upload may be.
    """
    real_path = _real_path(path)
    if not _is_uploaded(real_path):
        raise PhotoRefused(NOT_UPLOADED)
    try:
        with open(real_path, "rb", opener=_open_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise PhotoRefused(NOT_UPLOADED)
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError:  # it is gone, or a folder
        raise PhotoRefused(NOT_UPLOADED) from None
    if len(data) > MAX_FILE_BYTES:
        raise PhotoRefused(f"This file is too large: the limit is {MAX_FILE_BYTES // 10**6} MB. {SMALLER}")
    return data


def accept_uploads_only(examples: list[Path]) -> None:
    """Makes every component refuse all addresses, and paths that are neither uploads nor the app's own examples.

    Gradio itself checks only values that claim to be files, and downloads the addresses in them. It makes components
    anew when a visitor's page changes them, so that the check must be their class's.
    """
    own = {_real_path(path) for path in examples}
    move_to_cache = Block.async_move_resource_to_block_cache

    async def move_checked(self: Block, url_or_file_path: str | Path | None) -> str | None:
        if url_or_file_path is not None:
            path = _real_path(url_or_file_path)
            if not _is_uploaded(path) and path not in own:
                raise gr.Error(NOT_UPLOADED, print_exception=False)
        return await move_to_cache(self, url_or_file_path)

    Block.async_move_resource_to_block_cache = move_checked


def _is_uploaded(real_path: str) -> bool:
    return real_path.startswith(_real_path(get_upload_folder()) + os.sep)


def _real_path(path: str | Path) -> str:
    """The path without links; empty if it contains characters that no path can have."""
    try:
        return os.path.realpath(path)
    except ValueError:
        return ""


def _open_at_once(path: str, flags: int) -> int:
    """Opens a file without blocking on special files, and without following a link that appeared after the check."""
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOFOLLOW)
