"""Pushes the model and then the Space, or writes both to a folder, and records the outcome of each."""

from __future__ import annotations

import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path

from huggingface_hub import HfApi

from beam_jobs.storage.ownership import claim_folder
from schemas.errors import UserError
from schemas.frozen_model import parse_model
from tfx_pipeline.config.hub import DRY_RUN_OWNER, PUBLIC_ENDPOINT, HubConfig, SpaceConfig
from tfx_pipeline.hub.client import RetryPolicy, hub_api
from tfx_pipeline.hub.contents import digest, write_folder
from tfx_pipeline.hub.model_repository import ModelRepository
from tfx_pipeline.hub.properties import DRY_RUN, DatasetFacts, PushRecord
from tfx_pipeline.hub.push import MODEL_FOLDER, SPACE_FOLDER, Message, Push, Pushed, Target
from tfx_pipeline.hub.token import read_token
from tfx_pipeline.space import SpaceSettings, space_files


@dataclass(frozen=True)
class Delivery:
    """What to push, and where.

    Attributes:
      examples: Example photos of the Space: file name to content.
      retry_policy: How often and how long failed requests are repeated.
    """

    hub: HubConfig
    facts: DatasetFacts
    repository: ModelRepository
    examples: dict[str, bytes] = field(default_factory=dict)
    retry_policy: RetryPolicy = field(default_factory=lambda: RetryPolicy(report=_report))

    def space_settings(self, space: SpaceConfig, model_revision: str) -> SpaceSettings:
        """Settings of the Space that shows the model at a commit or tag.

        Raises:
          UserError: A photo cannot be used as an example.
        """
        values = {
            "kind": space.kind,
            "model_repo": self.hub.model_repo,
            "model_commit": model_revision,
            "title": space.title,
            "runtime": space.runtime,
            "examples": self.examples,
            "endpoint": None if self.hub.endpoint == PUBLIC_ENDPOINT else self.hub.endpoint,
        }
        return parse_model(SpaceSettings, values, "hub.space")


def deliver(delivery: Delivery) -> PushRecord:
    """Pushes both; if the Space fails, the model stays pushed, and the record says so.

    Raises:
      UserError: There is no token, or the Hub refused the model.
      HubUnavailable: The Hub kept failing before the model was pushed.
    """
    hub, repository = delivery.hub, delivery.repository
    if hub.space is not None:
        delivery.space_settings(hub.space, repository.tag)  # report a mistake in it before anything is pushed
    api = hub_api(hub.endpoint, read_token(hub.token))
    target = Target(hub.model_repo, "model", hub.visibility == "private", hub.branch)
    model = Push(api, target, delivery.retry_policy).run(repository.files, repository.tag, _message(delivery))
    _report(f"{'pushed' if model.changed else 'already there, unchanged:'} {model.commit_url}")
    record = PushRecord(
        pushed=1,
        changed=int(model.changed),
        pushed_destination=model.commit_url,
        pushed_version=model.tag,
        repo_url=model.url,
        commit_id=model.commit,
        content_sha256=repository.content_sha256,
    )
    return record if hub.space is None else _with_space(record, delivery, hub.space, api, model)


def _with_space(record: PushRecord, delivery: Delivery, space: SpaceConfig, api: HfApi, model: Pushed) -> PushRecord:
    target = Target(space.repo, "space", space.visibility == "private", sdk=space.kind)
    try:
        files = space_files(delivery.space_settings(space, model.commit))
        tag = f"{delivery.facts.version}-{digest(files)[:12]}"
        message = Message(f"Show {delivery.hub.model_repo} at {model.commit[:12]}")
        pushed = Push(api, target, delivery.retry_policy).run(files, tag, message)
    except Exception as error:  # a failing Space must not lose the record of the pushed model
        traceback.print_exc()
        reason = " ".join(str(error).split()) or type(error).__name__
        _report(f"the model is pushed, the Space is not: {reason}")
        return replace(record, space_reason=reason)
    _report(f"{'pushed' if pushed.changed else 'already there, unchanged:'} {pushed.commit_url}")
    return replace(record, space_pushed=1, space_url=pushed.url, space_commit_id=pushed.commit)


def write_dry_run(delivery: Delivery, folder: Path) -> PushRecord:
    """Writes the repositories, as they would be pushed, to a folder: `model/` and `space/`.

    Without a commit there is no commit id, so the Space names the model by its tag.

    Raises:
      UserError: The folder cannot be written.
    """
    repository = delivery.repository
    written = {MODEL_FOLDER: repository.files}
    if (space := delivery.hub.space) is not None:
        written[SPACE_FOLDER] = space_files(delivery.space_settings(space, repository.tag))
    claim_folder("hub.dry_run", str(folder), DRY_RUN_OWNER)
    try:
        for name, files in written.items():
            write_folder(files, folder / name)
    except OSError as error:
        raise UserError(f"hub.dry_run: {error.filename or folder}: {error.strerror}; choose another folder") from None
    return PushRecord(
        reason=DRY_RUN,
        pushed_destination=str(folder / MODEL_FOLDER),
        pushed_version=repository.tag,
        content_sha256=repository.content_sha256,
        space_url=str(folder / SPACE_FOLDER) if delivery.hub.space else "",
    )


def _message(delivery: Delivery) -> Message:
    facts, repository = delivery.facts, delivery.repository
    description = (
        f"Data set {facts.dataset} {facts.version}, manifest sha256 {facts.manifest_sha256}.\n"
        f"Content sha256 {repository.content_sha256}."
    )
    return Message(f"Model {repository.tag}", description)


def _report(line: str) -> None:
    print(f"HFPusher: {line}", flush=True)
