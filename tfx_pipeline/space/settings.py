"""What a Space is made from."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from schemas.lines import Line
from schemas.spec import FrozenModel

PUBLIC_ENDPOINT = "https://huggingface.co"
EXAMPLE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]*\.(jpe?g|png|gif|webp)", re.IGNORECASE)
MAX_EXAMPLE_BYTES = 2 << 20  # 2 MiB; every visitor of a static Space may load them


class SpaceSettings(FrozenModel):
    """One Space.

    Attributes:
      kind: `gradio` runs on the Hub's machines, `static` in the visitor's browser.
      model_repo: The model's repository, `owner/name`.
      model_commit: The commit that is shown, by its id, so that a moved branch changes nothing; or a tag.
      title: What the page is called.
      runtime: What a `gradio` Space loads the model with; a `static` one always uses LiteRT.
      examples: Photos that visitors can pick, by file name. They are published.
      endpoint: The Hub's address, where it is not the public one.
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
            if not EXAMPLE_NAME.fullmatch(name):
                raise ValueError(f"example {name!r} must be the plain file name of a JPEG, PNG, GIF or WebP")
            if not 0 < len(content) <= MAX_EXAMPLE_BYTES:
                raise ValueError(f"example {name!r} has {len(content)} bytes, must have 1 to {MAX_EXAMPLE_BYTES}")
        return examples
