"""The official archives of pets, made of a folder of small photos."""

import io
import tarfile
from pathlib import Path


def add(archive: tarfile.TarFile, name: str, data: bytes = b"", **header) -> None:
    """Appends a member; `header` are attributes of its TarInfo."""
    member = tarfile.TarInfo(name)
    member.size = len(data)
    for key, value in header.items():
        setattr(member, key, value)
    archive.addfile(member, io.BytesIO(data))


def pack(photos: Path, folder: Path, image_format: int = tarfile.GNU_FORMAT, leading: str = "") -> Path:
    """Packs the photos as the two official archives, with members that must not count."""
    folder.mkdir(exist_ok=True)
    outside = (photos / "images" / "Bengal_0.jpg").read_bytes()
    with tarfile.open(folder / "images.tar.gz", "w", format=image_format) as archive:
        add(archive, f"{leading}images/", type=tarfile.DIRTYPE)
        for path in sorted((photos / "images").iterdir(), reverse=True):
            add(archive, f"{leading}images/{path.name}", path.read_bytes())
        add(archive, "../images/pug_900.jpg", outside)
        add(archive, "/images/pug_901.jpg", outside)
        add(archive, "images/../images/pug_902.jpg", outside)
        add(archive, f"{leading}images/pug_903.jpg", type=tarfile.SYMTYPE, linkname="/etc/passwd")
        add(archive, f"{leading}images/pug_904.jpg", type=tarfile.LNKTYPE, linkname="images/Bengal_0.jpg")
        add(archive, f"{leading}images/pug_905.jpg", type=tarfile.FIFOTYPE)
        add(archive, f"{leading}images/._Bengal_0.jpg", b"what macOS adds")
        add(archive, f"{leading}images/{'deep/' * 60}long.jpg", outside)  # longer than a header's field
    with tarfile.open(folder / "annotations.tar.gz", "w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted((photos / "annotations").rglob("*")):
            if path.is_file():
                add(archive, f"annotations/{path.relative_to(photos / 'annotations')}", path.read_bytes())
    return folder
