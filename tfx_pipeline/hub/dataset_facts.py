"""What HFPusher knows of the data set version, as a JSON exec property: small, and without the place of a file."""

from __future__ import annotations

from schemas.spec import DatasetSpec, FrozenModel
from schemas.version import PublishedVersion


class DatasetFacts(FrozenModel):
    """Identity of a published data set version.

    Attributes:
      dataset, version, image_size, manifest_sha256: As in its manifest.
      records: Split name to number of records.
      spec: The contract that it was published under.
    """

    dataset: str
    version: str
    image_size: int
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
            manifest_sha256=manifest.sha256,
            records={name: split.records for name, split in manifest.splits.items()},
            spec=spec,
        )
