import json
import tracemalloc

import numpy as np
import pytest

from beam_jobs.elements import SourceFile
from beam_jobs.prepare.annotations import NO_PHOTO, OTHER_PHOTOS, read_annotations
from beam_jobs.prepare.command_line import main
from beam_jobs.prepare.joining import ANNOTATED, LEFT_OUT, LISTED
from beam_jobs.sources.annotations.coco import Annotation, Photo, read_coco
from beam_jobs.sources.annotations.cvat import read_cvat
from beam_jobs.sources.annotations.json_stream import MAX_VALUE, stream_lists
from beam_jobs.sources.annotations.names import photo_id
from beam_jobs.sources.dataset_file import read_dataset
from schemas.errors import UserError
from schemas.version import verify_version
from tests.beam_jobs.annotated_scenes import Scene, coco_document, compressed_runs, polygons, save, write_text


@pytest.fixture
def scenes():
    rng, mask = np.random.default_rng(0), np.zeros((20, 30), np.uint8)
    mask[2:12, 3:14], mask[8:18, 16:28] = 1, 2
    return [
        Scene(f"photo_{number}", rng.integers(0, 255, (20, 30, 3), np.uint8), np.roll(mask, number, axis=1))
        for number in range(20)
    ]


def pieces(text, size):
    data = text.encode()
    return [data[start : start + size] for start in range(0, len(data), size)]


def test_the_lists_of_a_json_object_are_the_same_however_it_is_cut_into_pieces():
    document = {"a": [1, -2.5e3, 'Ü\\"', None, [[]], {"b": [True]}], "info": {"a": [7]}, "none": [], "z": [12345]}
    expected = [(key, value) for key in ("a", "z") for value in document[key]]
    plain = json.dumps(document)
    for text in (plain, f"\ufeff{plain}", json.dumps(document, indent=3, ensure_ascii=False)):
        for size in (1, 2, 3, 7, 10_000):
            assert list(stream_lists(pieces(text, size), "a.json")) == expected
    assert list(stream_lists([b'{"a": [NaN, 1]}'], "a.json")) == [("a", None), ("a", 1)]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected '{'"),
        (b"[1]", "expected '{'"),
        (b'{"a": [1, 2}', "expected ']'"),
        (b'{"a": [1, 2', "expected ']', got ''"),
        (b'{"a": [x]}', "not valid JSON near character 7"),
        (b'{"a": ["\xff"]}', "not UTF-8"),
        (b'{"a": [' + b"[" * 100 + b"]" * 100 + b"]}", "nested deeper than 32"),
        (b'{"a": [' + b"[" * 200_000, "nested deeper than 32|not valid JSON"),
        (b'{"a": ["' + b"x" * (MAX_VALUE + (10 << 20)), "larger than"),
        (b'{"a": [' + b"1" * 5_000 + b"]}", "not valid JSON"),
    ],
    ids=range(10),
)
def test_a_file_that_is_no_json_ends_the_job_with_its_name(data, message):
    with pytest.raises(UserError, match=f"a.json: not valid JSON .*({message})|a.json: .*{message}"):
        list(stream_lists(pieces(data.decode("latin-1"), 8 << 20) if b"\xff" not in data else [data], "a.json"))


def test_a_large_file_is_never_held_whole():
    annotation = json.dumps({"image_id": 1, "category_id": 1, "segmentation": [[0.5, 1.25] * 500], "iscrowd": 0})
    start = '{"images": [{"id": 1, "file_name": "a.png"}], "annotations": ['
    end = '], "categories": [{"id": 1, "name": "car"}]}'
    data = f"{start}{','.join([annotation] * 400)}{end}".encode()
    assert len(data) > 2_000_000
    tracemalloc.start()
    chunks = range(0, len(data), 1 << 16)
    found = read_coco(lambda: (data[place : place + (1 << 16)] for place in chunks), "a.json", False)
    count = sum(isinstance(one, Annotation) for one in found)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, peak < 1_000_000) == (400, True)


@pytest.mark.parametrize(
    ("name", "pattern", "image_id"),
    [
        ("a.jpg", "images/{id}.jpg", "a"),
        ("train2017/a.jpg", "images/{split:train|val}2017/{id}.jpg", "a"),
        ("C:\\photos\\a.JPG", "images/{id}.jpg", "a"),
        ("../../etc/passwd", "images/{id}.*", None),
        ("../../etc/passwd.jpg", "images/{id}.jpg", "passwd"),  # an id, which no photo has
        ("/a.jpg", "{id}.jpg", "a"),
        ("city/a_left.png", "left/*/{id}_left.png", "a"),
        ("a.png", "images/{id}.jpg", None),
        ("", "{id}.jpg", None),
    ],
)
def test_a_name_in_a_file_means_the_photo_whose_path_ends_alike_and_is_never_opened(name, pattern, image_id):
    assert photo_id(name, pattern) == image_id


def rows(tmp_path, scenes, document):
    folder = save(tmp_path / "scenes", "coco_polygons", scenes)
    write_text(folder / "annotations/instances.json", json.dumps(document))
    source = SourceFile(str(folder / "annotations/instances.json"), len(json.dumps(document)))
    return list(read_annotations(("train", source), read_dataset(str(folder))))


def test_annotations_without_a_photo_and_photos_of_other_names_are_counted_and_named(tmp_path, scenes):
    document = coco_document(scenes[:2], polygons)
    document["images"].append({"id": 99, "file_name": "other.tiff", "width": 1, "height": 1})
    document["annotations"].append(document["annotations"][0] | {"image_id": 12345})
    *found, left_out = rows(tmp_path, scenes[:2], document)
    assert ({one.kind for one in found}, left_out.kind) == ({ANNOTATED, LISTED}, LEFT_OUT)
    assert {kind: one.count for kind, one in left_out.value.items()} == {OTHER_PHOTOS: 1, NO_PHOTO: 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": []}, "it has no images"),
        ({"categories": []}, "it has no categories"),
        ({"images": [{"id": 1}]}, "image 1 has no file_name"),
        ({"images": [{"file_name": "a.png"}]}, "one of images has no id"),
        ({"annotations": [5]}, "one of annotations has no image_id"),
        ({"images": [{"id": 1, "file_name": "a.png"}, {"id": 1, "file_name": "b.png"}]}, "id 1 is there twice"),
    ],
)
def test_a_file_that_is_not_cocos_ends_the_job_with_one_line(tmp_path, scenes, change, message):
    with pytest.raises(UserError, match=message):
        rows(tmp_path, scenes[:1], coco_document(scenes[:1], polygons) | change)


CVAT = '<annotations><image id="0" name="a.png" width="9" height="8">{}</image></annotations>'


def cvat(text):
    return list(read_cvat(pieces(text, 7), "a.xml"))


def test_shapes_of_cvat_come_in_the_order_that_they_lie_over_each_other():
    shapes = [f'<polygon label="{label}" points="" z_order="{order}"/>' for label, order in zip("abcd", (2, 0, 2, -1))]
    photo, *found = cvat(CVAT.format("".join(shapes)))
    assert isinstance(photo, Photo)
    assert [json.loads(one.text)["category"] for one in found] == ["d", "b", "a", "c"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>', "has a DOCTYPE"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "has a DOCTYPE"),
        ("<a>&undefined;</a>", "not valid XML"),
        ("<a>", "not valid XML"),
        ("<a>" * 20, "nested deeper than 16"),
        ("<annotations/>", "it has no image"),
        ("<annotations><track/></annotations>", "export as CVAT for images 1.1"),
        ("", "not valid XML"),
    ],
)
def test_xml_that_is_not_cvats_is_refused_and_nothing_in_it_is_followed(text, message):
    with pytest.raises(UserError, match=f"a.xml: .*{message}"):
        cvat(text)


def test_what_has_no_area_in_cvat_is_the_rejection_of_its_photo():
    for shape in ("polyline", "points", "ellipse", "cuboid", "skeleton", 'box rotation="30.0"'):
        _, found = cvat(CVAT.format(f'<{shape} label="car"/>'))
        assert json.loads(found.text)["problem"]


def prepare(folder, output, *more):
    flags = ["--version=1.0.0", "--image_size=0", f"--input={folder}", f"--output={output}", "--runner=FnApiRunner"]
    return main([*flags, "--near_duplicates=ignore", *more])


@pytest.mark.proof
def test_bad_annotations_of_one_photo_reject_it_alone_and_a_retry_takes_them_once_they_are_right(tmp_path, scenes):
    folder = save(tmp_path / "scenes", "coco_compressed_runs", scenes)
    path = folder / "annotations/instances.json"
    document = coco_document(scenes, compressed_runs)
    bad = json.loads(json.dumps(document))
    bad["annotations"][0]["segmentation"] = [[1, 2, 3]]
    bad["images"][1]["width"] = 31
    write_text(path, json.dumps(bad))
    assert prepare(folder, tmp_path / "data", "--max_rejected_fraction=0.2") == 0
    manifest = verify_version(tmp_path / "data/scenes/1.0.0").manifest
    assert manifest.published == 18
    assert manifest.quarantined == {"unusable_annotation": 1, "mask_size_differs": 1}
    write_text(path, json.dumps(document))
    assert prepare(folder, tmp_path / "data", "--version=1.0.1", "--retry_quarantined=1.0.0") == 0
    assert verify_version(tmp_path / "data/scenes/1.0.1").manifest.published == 20
