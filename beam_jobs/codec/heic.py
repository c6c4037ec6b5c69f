"""HEIC photos, as phones save them: read where `pillow-heif` is installed, which nothing here depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beam_jobs.rejections import DAMAGED_IMAGE, NOT_AN_IMAGE, InputRejected

if TYPE_CHECKING:
    from PIL import Image

LIBRARY = "pillow-heif"


class HeicFile:
    """A HEIC file whose header has been read; its size is known before its pixels are decoded.

    Raises:
      InputRejected: The library is not there, or the header is damaged.
    """

    def __init__(self, data: bytes):
        try:
            import pillow_heif  # pyright: ignore[reportMissingImports]  # who has such photos installs it
        except ImportError:
            raise InputRejected(
                NOT_AN_IMAGE, f"HEIC, which needs {LIBRARY} (pip install {LIBRARY}); or export it as JPEG or PNG"
            ) from None
        try:
            self._file = pillow_heif.open_heif(data)  # of several pictures the main one; 10 bits become 8
        except (OSError, ValueError, RuntimeError) as error:
            raise InputRejected(DAMAGED_IMAGE, f"HEIC: {error}") from None
        self.size: tuple[int, int] = self._file.size

    def load(self) -> Image.Image:
        """The pixels, RGB or RGBA, as the container turns them, which is what counts (ISO 23008-12), not its EXIF.

        Raises:
          InputRejected: They are damaged.
        """
        try:
            return self._file.to_pillow()
        except (OSError, ValueError, RuntimeError) as error:
            raise InputRejected(DAMAGED_IMAGE, f"HEIC: {error}") from None
