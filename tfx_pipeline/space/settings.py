"""The settings of a Space."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from schemas.frozen_model import FrozenModel
from schemas.lines import Line

PUBLIC_ENDPOINT = "https://huggingface.co"
EXAMPLE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*\.(jpe?g|png|gif|webp)", re.IGNORECASE)
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
      endpoint: The Hub's address, if it is not the public one.
    """

    kind: Literal["gradio", "static"]
    model_repo: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$")
    model_commit: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+-]*$")
    title: Annotated[Line, Field(max_length=80)]
    runtime: Literal["litert", "tensorflow"] = "litert"
    examples: dict[str, bytes] = Field(default_factory=dict)
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
    if not EXAMPLE_NAME.fullmatch(name):
        return (
            "must be the plain file name of a JPEG, PNG, GIF or WebP: letters, digits, blanks, '.', '_' and '-'; rename"
            " it"
        )
    if len(content) > MAX_EXAMPLE_BYTES:
        return f"has more than {MAX_EXAMPLE_BYTES} bytes, which every visitor may load; make it smaller"
    if not content.startswith(SIGNATURES) and not (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        kind = "a HEIC or AVIF file" if content[4:8] == b"ftyp" else "not a JPEG, PNG, GIF or WebP"
        return f"is {kind} by its content, which not every browser can show; save it as JPEG"
    return None
