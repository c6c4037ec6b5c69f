"""Where the bytes of a photo, mask or record are, and how to read them. Before a shard is written, only this flows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from beam_jobs.storage.files import read_file, read_part

PAIR_STAGE = "pair"
PLANNED, REJECTED = "planned", "rejected"
TALLIES = "tallies"

_MEMBER = "!/"  # between an archive and its member, as in Java and Apache Commons VFS


def spell_out(name: str) -> str:
    """Escapes a name that is not UTF-8, which could be neither shuffled nor printed; such an input is then rejected."""
    return name.encode("utf-8", "backslashreplace").decode()


class MaskPart(NamedTuple):
    """One of the sources that a mask is made of.

    Attributes:
      name: The category that the source is a mask of, or what it is.
      uri, bytes, offset, member, content: As those of a SourceFile.
    """

    name: str
    uri: str
    bytes: int
    offset: int | None
    member: str
    content: str


class SourceFile(NamedTuple):
    """A whole file, a member of a plain tar archive, a record of a shard, or what a large file says about one photo.

    Attributes:
      uri: The file that holds the bytes.
      bytes: Number of bytes.
      offset: Where they begin in the file; None stands for the whole file.
      member: Name inside the archive, or of the photo inside the large file; empty for a whole file.
      content: What the large file says about the photo; it is not read again.
      layer: The category that the file's path names, where each class has its mask.
      parts: Of a mask that is made of several sources, all of them, from the bottom to the top; the other fields are
        those of the first one.
    """

    uri: str
    bytes: int
    offset: int | None = None
    member: str = ""
    content: str = ""
    layer: str = ""
    parts: tuple[MaskPart, ...] = ()

    def __str__(self) -> str:
        """As people read it: `photos/images/pug_1.jpg` or `images.tar.gz!/images/pug_1.jpg`."""
        return f"{self.uri}{_MEMBER}{self.member}" if self.member else self.uri


class AnnotationRow(NamedTuple):
    """One line of what a file of annotations says about a photo.

    Attributes:
      uri: The file.
      photo: What names the photo there: two photos never share it.
      position: -1 for what is said about the photo itself; then the position of the annotation in the file.
      text: JSON, as `beam_jobs.codec.annotations.entries` reads it.
    """

    uri: str
    photo: str
    position: int
    text: str


class TableRow(NamedTuple):
    """What a table beside the photos says of one: the value, and the file and line that say it."""

    value: str
    place: str


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
      group: What a table says that its group is; empty without a table.
      weight: What a table says that it counts in training; None without a table.
    """

    image_id: str
    image: SourceFile | None
    mask: SourceFile | None
    split: str
    record: SourceFile | None = None
    group: str = ""
    weight: float | None = None

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


def whole_mask(sources: Sequence[SourceFile]) -> SourceFile:
    """The mask that is made of several sources, from the bottom to the top."""
    parts = tuple(MaskPart(one.layer, one.uri, one.bytes, one.offset, one.member, one.content) for one in sources)
    return sources[0]._replace(bytes=sum(one.bytes for one in sources), content="", layer="", parts=parts)


def sources_of(mask: SourceFile) -> Iterator[tuple[str, SourceFile]]:
    """The name and the source of each part of a mask."""
    for part in mask.parts:
        yield part.name, SourceFile(part.uri, part.bytes, part.offset, part.member, part.content)


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
