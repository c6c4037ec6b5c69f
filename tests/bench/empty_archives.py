"""Tar archives in the layout of the data set `pets`, of photos and masks without a byte: listings without pixels."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from pathlib import Path

from schemas.path_pattern import PLACEHOLDER
from schemas.shipped import load_spec

_NAME, _SUM = slice(0, 100), slice(148, 156)  # fields of a header


def write_archives(folder: Path, ids: Iterable[str]) -> None:
    """Writes the archives of photos and of masks into a new folder, by a name that is theirs once it is complete."""
    spec = load_spec("pets")
    paths = (spec.image_path, spec.mask_path or "")
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    names = [unfinished / one.file for one in spec.archives]
    header = bytearray(tarfile.TarInfo("").tobuf(tarfile.USTAR_FORMAT))
    header[_SUM] = b" " * 8
    rest = sum(header)
    with names[0].open("wb", 1 << 20) as photos, names[1].open("wb", 1 << 20) as masks:
        for image_id in ids:
            for file, path in zip((photos, masks), paths):
                name = path.replace(PLACEHOLDER, image_id).encode()
                header[_NAME] = name.ljust(100, b"\0")
                header[_SUM] = b"%06o\0 " % (rest + sum(name))
                file.write(header)
        for file in (photos, masks):
            file.write(bytes(2 * tarfile.BLOCKSIZE))
    unfinished.rename(folder)
