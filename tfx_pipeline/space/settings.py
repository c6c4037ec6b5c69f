"""The settings of a Space."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Literal

from pydantic import Field, field_validator

from schemas.frozen_model import FrozenModel
from schemas.image_ids import image_id_of
from schemas.lines import Line

PUBLIC_ENDPOINT = "https://huggingface.co"
EXAMPLE_NAME = re.compile(r"([^ ].*)\.(?:jpe?g|png|gif|webp)", re.IGNORECASE)
_SIGNS = re.compile(r"[ ()@+]")  # beside those of ids: `IMG 1 (2)` and `a@2x`
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a")  # WebP's includes its length
MAX_EXAMPLE_BYTES = 2 << 20  # 2 MiB; every visitor of a static Space may load them


class SpaceSettings(FrozenModel):
    """One Space.

    Attributes:
      kind: `gradio` runs on the Hub's machines, `static` in the visitor's browser.
      model_repo: The model's repository, `owner/name`.
      model_commit: Id of the commit that is shown, so that a moved branch changes nothing; or a tag.
      title: Title of the page.
      runtime: Loads the model in a `gradio` Space; a `static` one always uses LiteRT.
      examples: Photos that visitors can pick, by file name. They are published.
      examples_credit: Title and licence of what they are from; None where their owner names them.
      endpoint: The Hub's address, if it is not the public one.
    """

    kind: Literal["gradio", "static"]
    model_repo: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    model_commit: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$")
    title: Annotated[Line, Field(max_length=80)]
    runtime: Literal["litert", "tensorflow"] = "litert"
    examples: dict[str, bytes] = Field(default_factory=dict)
    examples_credit: Line | None = None
    endpoint: str | None = Field(default=None, pattern=r"^https?://[^/\s]+$")

    @property
    def hub(self) -> str:
        """The Hub's address."""
        return self.endpoint or PUBLIC_ENDPOINT

    @field_validator("examples")
    @classmethod
    def _examples_are_small_photos(cls, examples: dict[str, bytes]) -> dict[str, bytes]:
        for name, content in examples.items():
            if problem := example_problem(name, content):
                raise ValueError(f"example {name!r} {problem}")
        return examples


def example_problem(name: str, content: bytes) -> str | None:
    """Why a photo cannot be an example in a Space, with the remedy; None if it can.

    Args:
      name: Its file name.
      content: Its bytes; for a file that is too large, MAX_EXAMPLE_BYTES + 1 bytes are enough.
    """
    if not _is_plain(name):
        return (
            "must be the plain file name of a JPEG, PNG, GIF or WebP: letters and digits of any script, blanks and"
            " ._-()@+, not a blank, '.' or '-' at its start, and at most 200 bytes; rename it"
        )
    if len(content) > MAX_EXAMPLE_BYTES:
        return f"has more than {MAX_EXAMPLE_BYTES} bytes, which every visitor may load; make it smaller"
    if not content.startswith(SIGNATURES) and not (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        kind = "a HEIC or AVIF file" if content[4:8] == b"ftyp" else "not a JPEG, PNG, GIF or WebP"
        return f"is {kind} by its content, which not every browser can show; save it as JPEG"
    return None


def _is_plain(name: str) -> bool:
    """Whether a name is safe as a file in a repository, in an address, and to show: its characters need no escape."""
    match = EXAMPLE_NAME.fullmatch(name)
    stem = _SIGNS.sub("_", unicodedata.normalize("NFC", match[1])) if match else ""
    return stem != "" and image_id_of(stem) == stem
