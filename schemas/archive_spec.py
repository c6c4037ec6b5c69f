"""The archives that a data set is published as."""

from __future__ import annotations

from pydantic import Field

from schemas.frozen_model import FrozenModel

ARCHIVE_URL = r"^(https://|http://(localhost|127\.0\.0\.1)[:/])"  # loopback needs no encryption


class ArchiveSpec(FrozenModel):
    """One of the files that a data set is published as: a plain tar archive, even if its name says otherwise.

    Attributes:
      file: Its name under the input root.
      url, bytes, sha256: Where to download it, and what must arrive.
    """

    file: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    url: str = Field(pattern=ARCHIVE_URL)
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @property
    def local_names(self) -> tuple[str, ...]:
        """Names to look for: the published one, and the one that `gunzip` would leave."""
        return tuple(dict.fromkeys((self.file, self.file.removesuffix(".gz"))))
