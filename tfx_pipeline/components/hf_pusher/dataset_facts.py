"""What HFPusher is told of the data set version, as a JSON exec property: small, and without a path."""

from __future__ import annotations

from schemas.manifest import Manifest
from schemas.spec import FrozenModel


class DatasetFacts(FrozenModel):
    """Identity of a published data set version.

    Attributes:
      dataset, version, image_size, manifest_sha256: As in its manifest.
      records: Split name to number of records.
    """

    dataset: str
    version: str
    image_size: int
    manifest_sha256: str
    records: dict[str, int]

    @classmethod
    def of(cls, manifest: Manifest) -> DatasetFacts:
        """The facts of a manifest."""
        return cls(
            dataset=manifest.dataset,
            version=manifest.version,
            image_size=manifest.image_size,
            manifest_sha256=manifest.sha256,
            records={name: split.records for name, split in manifest.splits.items()},
        )
