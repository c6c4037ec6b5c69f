"""The same work without Beam: `python -m tests.bench.bare_loop PHOTOS OUTPUT SIDE PROCESSES`.

What a record cannot do without, in a plain loop over files; no plan, no statistics, no gate, no account.
"""

from __future__ import annotations

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.records.tf_example import to_example
from beam_jobs.records.tfrecord import TFRecordWriter
from beam_jobs.rejections import InputRejected
from schemas.path_pattern import PLACEHOLDER
from tests.bench.photos import PETS


def prepare_in_a_loop(photos: Path, output: Path, encoding: Encoding, processes: int) -> None:
    """Reads, decodes, resizes, encodes and writes every photo."""
    ids = sorted(path.stem for path in (photos / PETS.image_path).parent.iterdir())
    shares = [ids[start::processes] for start in range(processes)]
    files = [output / f"{start}-of-{processes}" for start in range(processes)]
    output.mkdir(parents=True, exist_ok=True)
    work = partial(_write_share, photos, encoding)
    if processes == 1:
        work(shares[0], files[0])
    else:
        with ProcessPoolExecutor(processes) as pool:
            list(pool.map(work, shares, files))


def _write_share(photos: Path, encoding: Encoding, ids: list[str], path: Path) -> None:
    with path.open("wb") as file:
        writer = TFRecordWriter(file)
        for image_id in ids:
            contents = [
                (photos / one.replace(PLACEHOLDER, image_id)).read_bytes() for one in (PETS.image_path, PETS.mask_path)
            ]
            try:
                writer.write(to_example(make_record(image_id, *contents, PETS, encoding).values))
            except InputRejected:
                continue


if __name__ == "__main__":
    source, target, pixels, workers = sys.argv[1:]
    to_example({})  # imports what it needs
    start = time.perf_counter()
    prepare_in_a_loop(Path(source), Path(target), Encoding(int(pixels), "jpeg", 92), int(workers))
    (Path(target) / "seconds").write_text(str(time.perf_counter() - start))
