"""HFPusher's properties in ML Metadata: the data set version as an exec property, the outcome on its output."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from schemas.fitting import STRETCH, Fit
from schemas.frozen_model import FrozenModel
from schemas.image_size import ImageSize
from schemas.spec import DatasetSpec
from schemas.version import PublishedVersion

NOT_BLESSED = "the model is not blessed"
DRY_RUN = "dry run"


class DatasetFacts(FrozenModel):
    """Identity of a published data set version.

    Attributes:
      dataset, version, image_size, fit, manifest_sha256: As in its manifest.
      records: Split name to number of records.
      spec: The contract that it was published under.
    """

    dataset: str
    version: str
    image_size: ImageSize
    fit: Fit = STRETCH
    manifest_sha256: str
    records: dict[str, int]
    spec: DatasetSpec

    @classmethod
    def of(cls, version: PublishedVersion) -> DatasetFacts:
        """The facts of a version."""
        manifest, spec = version
        return cls(
            dataset=manifest.dataset,
            version=manifest.version,
            image_size=manifest.image_size,
            fit=manifest.fit,
            manifest_sha256=manifest.sha256,
            records={name: split.records for name, split in manifest.splits.items()},
            spec=spec,
        )


@dataclass(frozen=True)
class PushRecord:
    """The outcome of one run; texts that do not apply are empty.

    Attributes:
      pushed: 1 if the Hub holds the model, else 0.
      reason: Why it does not, e.g. NOT_BLESSED or DRY_RUN.
      changed: 1 if this run made a commit; 0 if the Hub already held the same.
      pushed_destination: Address of the files at the commit, or the folder of a dry run.
      pushed_version: The tag.
      repo_url, commit_id: Of the model repository.
      content_sha256: Digest of everything in it but the card.
      space_pushed: 1 if the Hub holds the Space for this model.
      space_reason: Why it does not; empty if no Space is configured.
      space_url, space_commit_id: Of the Space; in a dry run, its folder.
    """

    pushed: int = 0
    reason: str = ""
    changed: int = 0
    pushed_destination: str = ""
    pushed_version: str = ""
    repo_url: str = ""
    commit_id: str = ""
    content_sha256: str = ""
    space_pushed: int = 0
    space_reason: str = ""
    space_url: str = ""
    space_commit_id: str = ""

    def write(self, artifact: Any) -> None:
        """Sets the custom properties of a TFX artifact."""
        for name, value in asdict(self).items():
            if isinstance(value, int):
                artifact.set_int_custom_property(name, value)
            else:
                artifact.set_string_custom_property(name, value)

    @classmethod
    def read(cls, artifact: Any) -> PushRecord:
        """Reads the custom properties of an artifact in ML Metadata."""
        stored = artifact.custom_properties
        return cls(
            **{
                one.name: stored[one.name].int_value if isinstance(one.default, int) else stored[one.name].string_value
                for one in fields(cls)
                if one.name in stored
            }
        )

    @property
    def space_failed(self) -> bool:
        """Whether the model is on the Hub, but its configured Space is not."""
        return bool(self.pushed and self.space_reason)

    def lines(self) -> list[str]:
        """The outcome for people, in lines."""
        if self.reason == DRY_RUN:
            space = f" and {self.space_url}" if self.space_url else ""
            return [f"Hub, dry run: look at {self.pushed_destination}{space}; nothing was sent"]
        if not self.pushed:
            return [f"Hub: not pushed: {self.reason}"]
        news = "pushed" if self.changed else "already there, unchanged:"
        lines = [f"Hub: {news} {self.repo_url}, version {self.pushed_version}, commit {self.commit_id[:12]}"]
        if self.space_pushed:
            lines.append(f"Space: {self.space_url}")
        if self.space_failed:
            lines.append(f"Space: not pushed, the model is: {self.space_reason}")
        return lines
