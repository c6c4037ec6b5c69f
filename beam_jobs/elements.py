"""Where the bytes of one photo, mask or record are, and how they are read: all that moves before a shard is written."""

from __future__ import annotations

from typing import NamedTuple

from beam_jobs.storage.files import read_file, read_part

PAIR_STAGE = "pair"
PLANNED, REJECTED = "planned", "rejected"
TALLIES = "tallies"

_MEMBER = "!/"  # between an archive and its member, as Java and Apache Commons VFS write it


def spell_out(name: str) -> str:
    """A name that is no UTF-8 can't be shuffled or printed; spelt out, a path of the input is rejected as such."""
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
    """One id that is to become a record of `split`: of a photo and its mask, or of a record that is published.

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
        """Everything that is read for it: photo and mask, or the record."""
        return tuple(source for source in (self.image, self.mask, self.record) if source)

    @property
    def photo_source(self) -> PhotoSource:
        """Where its photo is."""
        source = self.record or self.image
        if source is None:
            raise ValueError(f"{self.image_id}: is planned without a photo")
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
