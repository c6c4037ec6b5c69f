"""Where the bytes of a photo, mask or record are, and how to read them. Before a shard is written, only this flows."""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.storage.files import read_file, read_part

PAIR_STAGE = "pair"
PLANNED, REJECTED = "planned", "rejected"
TALLIES = "tallies"

_MEMBER = "!/"  # between an archive and its member, as in Java and Apache Commons VFS


def spell_out(name: str) -> str:
    """Escapes a name that is not UTF-8, which could be neither shuffled nor printed; such an input is then rejected."""
    return name.encode("utf-8", "backslashreplace").decode()


class SourceFile(NamedTuple):
    """A whole file, a member of a plain tar archive, or a record of a shard.

    Attributes:
      uri: The file that holds the bytes.
      bytes: Number of bytes.
      offset: Where they begin in the file; None stands for the whole file.
      member: Name inside the archive; empty for a whole file.
    """

    uri: str
    bytes: int
    offset: int | None = None
    member: str = ""

    def __str__(self) -> str:
        """As people read it: `photos/images/pug_1.jpg` or `images.tar.gz!/images/pug_1.jpg`."""
        return f"{self.uri}{_MEMBER}{self.member}" if self.member else self.uri


class PhotoSource(NamedTuple):
    """Where a photo can be read again: a file, or a published record that holds it."""

    source: SourceFile
    is_record: bool


class PlannedRecord(NamedTuple):
    """One id that becomes a record of `split`: made of a photo and its mask, or copied from a published version.

    Attributes:
      image_id: Its id.
      image, mask: Its two files; None for a published record.
      split: Its split.
      record: The serialized record that is copied from a published version; None for a pair of files.
    """

    image_id: str
    image: SourceFile | None
    mask: SourceFile | None
    split: str
    record: SourceFile | None = None

    @property
    def sources(self) -> tuple[SourceFile, ...]:
        """Every source that is read: photo and mask, or the record."""
        return tuple(source for source in (self.image, self.mask, self.record) if source)

    @property
    def photo_source(self) -> PhotoSource:
        """The location of its photo."""
        source = self.record or self.image
        if source is None:
            raise ValueError(f"{self.image_id}: planned without a photo")
        return PhotoSource(source, self.record is not None)

    @property
    def source_bytes(self) -> int:
        """Bytes of all its sources."""
        return sum(source.bytes for source in self.sources)


def read_source(source: SourceFile) -> bytes:
    """The bytes of a source.

    Raises:
      OSError: The file can't be read, or ends before the source does.
    """
    if source.offset is None:
        return read_file(source.uri)
    data = read_part(source.uri, source.offset, source.bytes)
    if len(data) != source.bytes:
        raise OSError(f"{source}: only {len(data)} of {source.bytes} bytes are there; the file is cut short")
    return data
