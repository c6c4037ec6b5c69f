"""Two versions that differ in every way that a record can differ, and their comparison."""

import json
from pathlib import Path

import numpy as np
from PIL import Image

from beam_jobs.compare.command_line import main
from beam_jobs.records.tf_example import Value, to_example
from tests.beam_jobs.jobs import prepare
from tests.beam_jobs.pictures import encode, scene, trimap, write_pair

IDS = [f"Bengal_{number}" for number in range(8)] + [f"pug_{number}" for number in range(8)]
IN_EVAL = [f"pug_{number}" for number in range(4, 8)]


def photo(seed: int) -> bytes:
    """A JPEG like no other seed's."""
    return encode(scene(seed).resize((60, 40)), "JPEG", quality=90)


def record(image_id: str, seed: int = 0, **more) -> bytes:
    mask = encode(Image.fromarray(np.zeros((32, 32), np.uint8)), "PNG")
    values: dict[str, Value] = {
        "image": photo(seed),
        "mask": mask,
        "image_id": image_id.encode(),
        "breed": b"pug",
        "species": b"dog",
    }
    values |= more
    return to_example(values)


def write_lists(folder: Path, train: list[str], evaluation: list[str]) -> None:
    (folder / "annotations/trainval.txt").write_text("".join(f"{one}\n" for one in train))
    (folder / "annotations/test.txt").write_text("".join(f"{one}\n" for one in evaluation))


def make_versions(folder: Path) -> None:
    photos = folder / "photos"
    for seed, image_id in enumerate(IDS):
        write_pair(photos, image_id, photo(seed))
    train = [one for one in IDS if one not in IN_EVAL]
    write_lists(photos, [*train, "pug_20"], IN_EVAL)
    options = "--split=official", "--max_rejected_fraction=0.2"
    (photos / "images/pug_20.jpg").write_bytes(photo(20)[:200])
    (photos / "annotations/trimaps/pug_20.png").write_bytes(encode(trimap(), "PNG"))
    assert prepare(photos, folder / "data", "1.0.0", *options) == 0

    (photos / "images/pug_20.jpg").write_bytes(photo(20))  # repaired by hand: added
    write_pair(photos, "pug_21", photo(21))  # new: added
    for name in ("images/pug_0.jpg", "annotations/trimaps/pug_0.png"):
        (photos / name).unlink()  # removed
    (photos / "images/pug_1.jpg").write_bytes(photo(9)[:200])  # removed, because it is rejected
    for name in ("images/{}.jpg", "annotations/trimaps/{}.png"):
        (photos / name.format("Bengal_0")).rename(photos / name.format("Bengal_30"))  # renamed
    write_pair(photos, "Bengal_1", photo(31))  # another photo
    mask = np.array(trimap())
    mask[:20] = 2  # its upper half becomes background
    write_pair(photos, "Bengal_2", photo(IDS.index("Bengal_2")), encode(Image.fromarray(mask), "PNG"))
    now = [*(one for one in train if one not in ("pug_0", "Bengal_0", "Bengal_3")), "Bengal_30", "pug_20", "pug_21"]
    write_lists(photos, now, [*IN_EVAL, "Bengal_3"])  # moved
    assert prepare(photos, folder / "data", "1.1.0", *options) == 0


def compare(before: Path | str, after: Path | str, *options) -> int:
    return main([f"--from={before}", f"--to={after}", *map(str, options)])


def lines(output: Path) -> dict[str, dict]:
    """The changes by id."""
    found = [json.loads(line) for path in sorted(output.glob("changes/*")) for line in path.read_text().splitlines()]
    assert [one["id"] for one in found] == sorted(one["id"] for one in found)
    return {one["id"]: one for one in found}
