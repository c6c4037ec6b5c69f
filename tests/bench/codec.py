"""Where a record's processor time goes: `python -m tests.bench.codec FOLDER`, photos in the layout of the pets.

Every step of a record runs in turn on each photo, in one process, several times over; the least time of each photo
counts, so that other work on the machine hardly does. With OpenCV installed, which is no dependency of the project,
two bare loops of it run on the same photos: read, decode at full or at half size, resize, encode both, and no check.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import simplejpeg

from beam_jobs.codec import png
from beam_jobs.codec.jpeg import check_scans, decode_jpeg
from beam_jobs.codec.jpeg_header import read_jpeg_header
from beam_jobs.codec.luma import luma_statistics
from beam_jobs.codec.masks import decode_mask, resize_mask
from beam_jobs.codec.photos import resize_photo
from beam_jobs.elements import PlannedRecord, SourceFile
from beam_jobs.near_duplicates.perceptual_hash import photo_hash
from beam_jobs.prepare.inputs_digest import fingerprint
from beam_jobs.prepare.records import Encoding, encode_photo, make_record
from beam_jobs.records.tf_example import to_example
from beam_jobs.rejections import InputRejected
from beam_jobs.sources.input_files import read_contents
from schemas.features import TRAIN
from schemas.path_pattern import PLACEHOLDER
from schemas.photos import JPEG_START, PNG_START
from tests.bench.console import run_and_exit
from tests.bench.photos import PETS
from tests.bench.table import print_row

TURNS = 5
WHOLE = "a record as the job makes it"
INNER = "of which "  # begins the names of steps that are a part of the one before
Step = tuple[str, Callable[[], object]]


def record_of(plan: PlannedRecord, encoding: Encoding) -> bytes:
    """Everything that the job does with one pair of files, apart from writing the bytes that this returns."""
    contents = read_contents(plan)
    fingerprint(plan.image_id, *contents)
    photo, mask = contents
    record = make_record(plan.image_id, photo, mask, PETS, encoding, hash_photo=True, photo_name=str(plan.image))
    return to_example(record.values)


def steps_of(plan: PlannedRecord, encoding: Encoding) -> Iterator[Step]:
    """The steps of a record of a JPEG photo and a plain PNG mask, each with what it needs already made."""
    yield WHOLE, lambda: record_of(plan, encoding)
    yield "read the files", lambda: read_contents(plan)
    photo, mask = read_contents(plan)
    yield "fingerprint", lambda: fingerprint(plan.image_id, photo, mask)
    header = read_jpeg_header(photo)
    yield "JPEG: header and scans", lambda: check_scans(read_jpeg_header(photo))
    image, _ = decode_jpeg(header, encoding.longer_side, 0)
    yield "JPEG: pixels", lambda: decode_jpeg(header, encoding.longer_side, 0)
    width, height = image.size
    yield f"{INNER}TurboJPEG", lambda: simplejpeg.decode_jpeg(header.data, min_width=width, min_height=height)
    yield "mask: decode and check", lambda: decode_mask(mask, PETS, header.size)
    source = png.read_png(mask)
    yield f"{INNER}Pillow", lambda: png.load(source)
    yield "photo: resize", lambda: resize_photo(image, encoding.image_size)
    small, values = resize_photo(image, encoding.image_size), decode_mask(mask, PETS, header.size)
    yield "mask: resize", lambda: resize_mask(values, PETS, encoding.image_size)
    class_ids = resize_mask(values, PETS, encoding.image_size)
    yield "photo: encode", lambda: encode_photo(small, encoding)
    yield "mask: encode", lambda: png.encode_mask(class_ids)
    luma = small.convert("L")
    yield "light and contrast", lambda: luma_statistics(small.convert("L"))
    yield "perceptual hash", lambda: photo_hash(luma)
    values_of = make_record(plan.image_id, photo, mask, PETS, encoding).values
    yield "serialize", lambda: to_example(values_of)


def opencv_steps(plan: PlannedRecord, encoding: Encoding) -> Iterator[Step]:
    """Bare loops of OpenCV; none where it is not installed."""
    try:
        import cv2  # pyright: ignore[reportMissingImports]  # no dependency of the project
    except ImportError:
        return
    cv2.setNumThreads(1)
    side = (encoding.longer_side, encoding.longer_side)
    how = [cv2.IMWRITE_JPEG_QUALITY, encoding.jpeg_quality]
    how += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]

    def loop(decode: int) -> None:
        photo, mask = (np.frombuffer(Path(str(one)).read_bytes(), np.uint8) for one in (plan.image, plan.mask))
        pixels = cv2.resize(cv2.imdecode(photo, decode), side, interpolation=cv2.INTER_AREA)
        values = cv2.resize(cv2.imdecode(mask, cv2.IMREAD_UNCHANGED), side, interpolation=cv2.INTER_NEAREST)
        for one in (cv2.imencode(".jpg", pixels, how), cv2.imencode(".png", values)):
            one[1].tobytes()

    yield "OpenCV, full size", lambda: loop(cv2.IMREAD_COLOR)
    yield "OpenCV, half size", lambda: loop(cv2.IMREAD_REDUCED_COLOR_2)


def measure(plans: list[PlannedRecord], encoding: Encoding, turns: int) -> dict[str, float]:
    """Milliseconds of processor time for each step and record: the least of the turns, averaged over the photos."""
    least: dict[tuple[str, str], int] = {}
    for _ in range(turns):
        for plan in plans:
            for steps in (steps_of, opencv_steps):
                for name, run in steps(plan, encoding):
                    start = time.process_time_ns()
                    run()
                    key = name, plan.image_id
                    least[key] = min(least.get(key, 1 << 62), time.process_time_ns() - start)
    names = dict.fromkeys(name for name, _ in least)
    return {name: sum(least[name, plan.image_id] for plan in plans) / len(plans) / 1e6 for name in names}


def plans_of(folder: Path, most: int, encoding: Encoding) -> list[PlannedRecord]:
    """The first photos of a folder that are JPEG, with a PNG mask, and not rejected."""
    plans = []
    for path in sorted((folder / PETS.image_path).parent.iterdir()):
        files = [folder / one.replace(PLACEHOLDER, path.stem) for one in (PETS.image_path, str(PETS.mask_path))]
        if len(plans) == most or not all(one.is_file() for one in files):
            continue
        photo, mask = (SourceFile(str(one), one.stat().st_size) for one in files)
        plan = PlannedRecord(path.stem, photo, mask, TRAIN)
        starts = zip(read_contents(plan), (JPEG_START, PNG_START))
        if all(data.startswith(start) for data, start in starts) and _is_published(plan, encoding):
            plans.append(plan)
    return plans


def _is_published(plan: PlannedRecord, encoding: Encoding) -> bool:
    try:
        record_of(plan, encoding)
    except InputRejected:
        return False
    return True


def main() -> None:
    """Prints milliseconds of each step, and their share of the record's."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.codec", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="photos and masks in the layout of the pets")
    parser.add_argument("--photos", type=int, default=200, help="how many at most (default %(default)s)")
    parser.add_argument("--turns", type=int, default=TURNS, help="default %(default)s")
    parser.add_argument("--image_size", type=int, default=128, help="default %(default)s")
    options = parser.parse_args()
    encoding = Encoding(options.image_size, "jpeg", 92)
    plans = plans_of(options.folder, options.photos, encoding)
    if not plans:
        raise SystemExit(f"error: no JPEG photo with a PNG mask in {options.folder}; give one laid out as the pets")
    found = measure(plans, encoding, options.turns)
    print_row(f"{len(plans):,} photos", ["ms", "of a record"])
    for name, milliseconds in found.items():
        print_row(name, [f"{milliseconds:.3f}", f"{milliseconds / found[WHOLE]:.3f}"])
    steps = [one for name, one in found.items() if not name.startswith((WHOLE, INNER, "OpenCV"))]
    print_row("everything else", [f"{found[WHOLE] - sum(steps):.3f}", f"{1 - sum(steps) / found[WHOLE]:.3f}"])


if __name__ == "__main__":
    run_and_exit(main)
