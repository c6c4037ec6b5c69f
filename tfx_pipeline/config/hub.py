"""Where a blessed model goes on the Hugging Face Hub: the `hub:` section of a pipeline's configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from schemas.frozen_model import FrozenModel
from schemas.lines import Line
from schemas.secrets import SecretName

DRY_RUN_OWNER = "a dry run of HFPusher"
PUBLIC_ENDPOINT = "https://huggingface.co"
# A token must not travel unencrypted, except to this machine.
ENDPOINT_PATTERN = r"^(https://[^/\s@?#]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?)$"
Visibility = Literal["public", "private"]


def _check_repository_id(repository_id: str) -> str:
    owner_or_name_ends_wrong = any(part.endswith(("-", ".")) for part in repository_id.split("/"))
    if ".." in repository_id or "--" in repository_id or repository_id.endswith(".git") or owner_or_name_ends_wrong:
        raise ValueError("owner and name hold no '..' or '--' and do not end in '-', '.' or '.git'")
    return repository_id


# The Hub's own rule for ids, as huggingface_hub checks it before it sends anything.
RepositoryId = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=96),
    AfterValidator(_check_repository_id),
]


class SpaceConfig(FrozenModel):
    """The Space that lets people try the model. Its hardware is left to its owner.

    Attributes:
      repo: Repository id, `owner/name`.
      kind: `static` runs the model in the visitor's browser and is free; a `gradio` Space runs on the Hub's machines,
        which the Hub gives to paying accounts only.
      title: What the page is called.
      visibility: Used when the Space is made.
      runtime: What a `gradio` Space loads the model with; `litert` is small and starts fast.
      examples: Photos that visitors can pick, as paths or URIs. They are published: name only what may be.
    """

    repo: RepositoryId
    kind: Literal["gradio", "static"] = "static"
    title: Annotated[Line, Field(max_length=80)]
    visibility: Visibility = "public"
    runtime: Literal["litert", "tensorflow"] = "litert"
    examples: tuple[str, ...] = Field(default=(), max_length=12)


class DataSource(FrozenModel):
    """Where the photos came from, for the model card, in place of what their version says (`schemas.origin`)."""

    title: Line
    license: Line
    source: Line


class HubConfig(FrozenModel):
    """What HFPusher does with a blessed model.

    Attributes:
      model_repo: Repository id, `owner/name`; made if it is missing. The repository mirrors the push: files that
        earlier pushes left and this one lacks are deleted.
      visibility: Used when the repository is made; a private model is never pushed to a repository that is public.
      endpoint: Address of the Hub, for one of your own.
      token: The name of the environment variable, or the Secret Manager resource
        (`projects/PROJECT/secrets/NAME/versions/VERSION`), that holds a token that may write. Never the token itself.
      branch: What is committed to; made if it is missing.
      license: The model's licence as the Hub calls it, such as `apache-2.0`; the card names none where it is left out.
      data: Where the photos came from, if not from what their version says.
      space: The demo; none where it is left out.
      dry_run: A folder to write the repositories to instead; needs neither network nor token.
    """

    model_repo: RepositoryId
    visibility: Visibility = "public"
    endpoint: str = Field(default=PUBLIC_ENDPOINT, pattern=ENDPOINT_PATTERN)
    token: SecretName = "HF_TOKEN"
    branch: str = Field(default="main", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*([./][A-Za-z0-9_-]+)*$", max_length=100)
    license: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9.-]*$")
    data: DataSource | None = None
    space: SpaceConfig | None = None
    dry_run: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _visitors_can_read_the_model(self) -> HubConfig:
        if self.space and self.space.kind == "static" and self.visibility == "private":
            raise ValueError(
                "space.kind: a static Space runs in the visitor's browser, which cannot read a private model;"
                " choose kind gradio, or visibility public"
            )
        return self
