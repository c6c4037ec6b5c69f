"""Where a blessed model goes on the Hugging Face Hub: the `hub:` section of a pipeline's configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from schemas.frozen_model import FrozenModel
from schemas.lines import Line
from schemas.secrets import SecretName

DRY_RUN_OWNER = "a dry run of HFPusher"
PUBLIC_ENDPOINT = "https://huggingface.co"
# A token must not be sent unencrypted, except to this machine.
ENDPOINT_PATTERN = r"^(https://[^/\s@?#]+|http://(localhost|127\.0\.0\.1)(:[0-9]+)?)$"
Visibility = Literal["public", "private"]


def _check_repository_id(repository_id: str) -> str:
    owner_or_name_ends_wrong = any(part.endswith(("-", ".")) for part in repository_id.split("/"))
    if ".." in repository_id or "--" in repository_id or repository_id.endswith(".git") or owner_or_name_ends_wrong:
        raise ValueError("owner and name hold no '..' or '--' and do not end in '-', '.' or '.git'")
    return repository_id


# The Hub's own rule for ids, as huggingface_hub checks it before sending anything.
RepositoryId = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*/[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=96),
    AfterValidator(_check_repository_id),
]


class SpaceConfig(FrozenModel):
    """The Space that lets people try the model. Its owner chooses the hardware.

    Attributes:
      repo: Repository id, `owner/name`.
      kind: `static` runs the model in the visitor's browser and is free; `gradio` runs on the Hub's machines, which
        only paying accounts get.
      title: Title of the page.
      visibility: Used when the Space is created.
      runtime: What a `gradio` Space loads the model with; `litert` is small and starts fast.
      examples: Photos that visitors can pick, as paths or URIs; the model card shows the first ones with their masks.
        They are published: name only photos that may be.
    """

    repo: RepositoryId
    kind: Literal["gradio", "static"] = "static"
    title: Annotated[Line, Field(max_length=80)]
    visibility: Visibility = "public"
    runtime: Literal["litert", "tensorflow"] = "litert"
    examples: tuple[str, ...] = Field(default=(), max_length=12)


class DataSource(FrozenModel):
    """Where the photos came from, for the model card; replaces what their version says (`schemas.origin`)."""

    title: Line
    license: Line
    source: Line


class HubConfig(FrozenModel):
    """What HFPusher does with a blessed model.

    Attributes:
      model_repo: Repository id, `owner/name`; created if missing. The repository mirrors the push: files that
        earlier pushes left and this one lacks are deleted.
      visibility: Used when the repository is created; a private model is never pushed to a repository that is public.
      endpoint: Address of the Hub, if you run your own.
      token: The name of the environment variable, or the Secret Manager resource
        (`projects/PROJECT/secrets/NAME/versions/VERSION`), that holds a token that may write. Never the token itself.
      branch: Branch to commit to; created if missing.
      license: The model's licence as the Hub calls it, such as `apache-2.0`; without it, the card names none.
      data: Where the photos came from, if their version does not say so.
      space: The demo; optional.
      dry_run: A folder to write the repositories to instead of pushing; needs neither network nor token.
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
