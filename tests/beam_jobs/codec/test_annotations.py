import base64
import json
import time

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pycocotools import mask as coco

from beam_jobs.codec.annotations.entries import entry_text, photo_text
from beam_jobs.codec.annotations.parts import join_parts
from beam_jobs.codec.annotations.reading import annotated_class_ids
from beam_jobs.codec.annotations.run_lengths import from_columns
from beam_jobs.codec.annotations.shapes import EMPTY, OUTSIDE
from beam_jobs.rejections import InputRejected
from schemas.frozen_model import parse_model
from schemas.spec import DatasetSpec
from tests.beam_jobs.annotated_scenes import compressed_runs, plain_runs, png_of

SIZE = (40, 30)  # width and height
WHERE = {"coco": {"annotations": "a.json"}, "cvat": {"annotations": "a.xml"}, "panoptic": {"annotations": "a.json"}}


def spec(kind="coco", **masks):
    values = {"name": "a", "image_path": "{id}.png", "classes": {"car": "car", "tree": "tree", "bin": "ignore"}}
    values |= {} if kind in ("coco", "cvat") else {"mask_path": "m/{id}.x"}
    values["masks"] = {"format": kind, "unlabelled": "ground", **WHERE.get(kind, {}), **masks}
    return parse_model(DatasetSpec, values, "dataset.yaml")


def entry(*annotations, size=SIZE):
    return entry_text(photo_text("a.png", *size), map(json.dumps, annotations)).encode()


def shape(segmentation, category="car", **more):
    return {"category": category, "segmentation": segmentation, **more}


def draw(*annotations, **masks):
    """Class ids, uint8 [30, 40], and the kinds of repair; ground is 0, car 1, tree 2."""
    return annotated_class_ids(entry(*annotations), spec(**masks), SIZE)


def labelme(*shapes, **more):
    return json.dumps({"shapes": shapes, "imageWidth": SIZE[0], "imageHeight": SIZE[1]} | more).encode()


BOX = [5, 5, 15, 5, 15, 12, 5, 12]


def test_a_polygon_along_the_edges_of_pixels_covers_exactly_these():
    class_ids, repairs = draw(shape([BOX]))
    expected = np.zeros((30, 40), np.uint8)
    expected[5:12, 5:15] = 1
    assert (class_ids == expected).all()
    assert repairs == ()


def test_any_polygon_is_drawn_as_pycocotools_does_and_differs_from_pillow_by_its_outline_alone():
    rng = np.random.default_rng(0)
    for _ in range(40):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 9))
        points = np.stack([20 + 15 * np.cos(angles), 15 + 12 * np.sin(angles)], axis=1) + rng.uniform(-3, 3, (9, 2))
        flat = points.ravel().tolist()
        covered = draw(shape([flat]))[0] == 1
        assert (covered == coco.decode(coco.frPyObjects([flat], 30, 40))[..., 0]).all()
        pillow, outline = Image.new("1", SIZE), Image.new("1", SIZE)
        ImageDraw.Draw(pillow).polygon(flat, fill=1, outline=1)
        ImageDraw.Draw(outline).line([*flat, *flat[:2]], fill=1, width=3)
        assert not ((covered != np.asarray(pillow)) & ~np.asarray(outline)).any()


def test_run_lengths_of_either_kind_are_those_of_pycocotools():
    rng = np.random.default_rng(1)
    for share in (0.0, 0.02, 0.5, 1.0):
        covered = rng.random((30, 40)) < share
        for runs in (plain_runs, compressed_runs):
            counts = runs(covered)["segmentation"]["counts"]
            assert (from_columns(counts, *SIZE, "car") == covered).all()
    large = np.zeros((3000, 2000), bool)
    large[1000:, 700:1500] = True
    assert (from_columns(compressed_runs(large)["segmentation"]["counts"], 2000, 3000, "car") == large).all()


def test_later_shapes_lie_over_earlier_ones_unless_an_order_says_otherwise():
    annotations = shape([BOX]), shape([[0, 0, 40, 0, 40, 30, 0, 30]], "tree")
    assert (draw(*annotations)[0] == 2).all()
    assert (draw(*annotations, order=["tree", "car"])[0] == 1).sum() == 70


def test_a_crowd_is_of_its_class_or_ignored_as_the_file_says():
    crowd = shape(plain_runs(np.ones((30, 40), bool))["segmentation"], crowd=1)
    assert (draw(crowd)[0] == 1).all()
    assert (draw(crowd, crowd="ignore")[0] == 255).all()
    assert (draw(shape([BOX], "bin"))[0] == 255).sum() == 70


def test_what_lies_outside_is_cut_off_and_what_covers_nothing_is_left_out_and_both_are_counted():
    class_ids, repairs = draw(shape([[-10, -10, 5, -10, 5, 5, -10, 5]]), shape([[1, 1, 2, 2, 3, 3]], "tree"))
    assert ((class_ids == 1).sum(), (class_ids == 2).sum()) == (25, 0)
    assert repairs == (OUTSIDE, EMPTY)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (shape([BOX], "Car"), "category 'Car'; known are 'car', 'tree', 'bin'"),
        (shape([BOX[:4]]), "4 coordinates"),
        (shape([BOX[:7]]), "7 coordinates"),
        (shape([[1, 2, None, 4, 5, 6]]), "not a list of numbers"),
        (shape([[1, 2, 10**400, 4, 5, 6]]), "number has 401 digits"),
        (shape([[1, 2, True, 4, 5, 6]]), "not a list of numbers"),
        (shape([[1, 2, 1e300, 4, 5, 6]]), "not a list of numbers"),
        (shape([[1, 2, 900, 4, 5, 6]]), "lies far outside the photo, of 40x30"),
        (shape([[5, 5] * 100_001]), "100,001 points"),
        (shape([[0, 0, 40, 30] * 49_999 + [40, 0, 0, 30] * 1] * 3), "pixels of edges"),
        (shape([]), "no outline, only a box or nothing"),
        (shape(None), "no outline"),
        (shape({"size": [40, 30], "counts": [1200]}), "the photo has 30 and 40"),
        (shape({"size": [30, 40], "counts": [1199]}), "cover 1,199 pixels, their size says 1,200"),
        (shape({"size": [30, 40], "counts": [-1, 1201]}), "not all numbers"),
        (shape({"size": [30, 40], "counts": "oooooooo1"}), "too large|cover"),
        (shape({"size": [30, 40], "counts": "\u00ff\n"}), "no text of COCO's"),
        (shape({"size": [30, 40], "counts": "o"}), "no text of COCO's"),
        ({"category": "car", "stamp": [0, 0, 10**6, 10**6, [5]]}, "reaches beyond"),
        ({"category": "car", "problem": "is a line"}, "is a line"),
    ],
)
def test_what_is_no_exact_shape_rejects_the_photo_at_once(annotation, message):
    start = time.process_time()
    with pytest.raises(InputRejected, match=message):
        draw(annotation)
    assert time.process_time() - start < 5


def test_annotations_for_a_photo_of_another_size_reject_it():
    with pytest.raises(InputRejected, match="annotations are for 80x60 pixels, the photo has 40x30"):
        annotated_class_ids(entry(shape([BOX]), size=(80, 60)), spec(), SIZE)
    assert annotated_class_ids(entry(shape([BOX]), size=(None, None)), spec(), SIZE)[0].any()


def test_labelme_draws_rectangles_circles_and_masks_and_never_looks_at_its_copy_of_the_photo():
    stamp = base64.b64encode(png_of(np.full((3, 4), 255, np.uint8))).decode()
    shapes = [
        {"label": "car", "shape_type": "rectangle", "points": [[15, 12], [5, 5]]},
        {"label": "tree", "shape_type": "circle", "points": [[30, 20], [30, 24]]},
        {"label": "car", "shape_type": "mask", "points": [[0, 0], [3, 2]], "mask": stamp},
    ]
    class_ids, repairs = annotated_class_ids(labelme(*shapes, imageData="!" * 100), spec("labelme"), SIZE)
    assert ((class_ids == 1).sum(), repairs) == (70 + 12, ())
    y, x = np.mgrid[:30, :40] + 0.5
    assert ((class_ids == 2) == ((x - 30) ** 2 + (y - 20) ** 2 <= 16)).all()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            labelme({"label": "car", "shape_type": "linestrip", "points": [[1, 1], [2, 2]]}),
            "linestrip, which has no area",
        ),
        (labelme({"label": "car", "shape_type": "circle", "points": [[1, 1]]}), "has 1 points; it needs 2"),
        (labelme({"label": "car", "points": [[1, "2"], [3, 4], [5, 6]]}), "y of 'car' is not a number"),
        (labelme(imageWidth=99), "annotations are for 99x30"),
        (b'{"shapes": ' + b"[" * 100_000, "nested deeper|not valid JSON"),
        (b'{"shapes": [], "shapes": []}', "twice"),
        (b'{"a": NaN}', "NaN is not a number"),
        (b"[]", "must be a JSON object"),
        (b"{}", "it has no shapes"),
    ],
)
def test_a_labelme_file_that_cannot_be_drawn_exactly_rejects_the_photo(data, message):
    with pytest.raises(InputRejected, match=message):
        annotated_class_ids(data, spec("labelme"), SIZE)


def yolo(text):
    values = spec("yolo").model_dump() | {"classes": ["car", "tree"]}
    return annotated_class_ids(text.encode(), parse_model(DatasetSpec, values, "dataset.yaml"), SIZE)[0]


def test_a_yolo_file_has_shares_of_the_photo_and_an_empty_one_has_no_things():
    assert (yolo("1 0.125 0.2 0.5 0.2 0.5 0.4 0.125 0.4\n\n") == 2).sum() == 15 * 6
    assert not yolo("").any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 0.5 0.5 0.2 0.2", "line 1 is a box"),
        ("car 0.1 0.1 0.2 0.1 0.2 0.2", "starts with 'car'"),
        ("0 0.1 0.1 0.2 0.1 0.2", "line 1|coordinates"),
        ("0 0.1 0.1 0.2 0.1 0.2 x", "not a number"),
        ("0 0.1 0.1 0.2 0.1 0.2 nan", "not a list of numbers"),
        ("0 10 10 20 10 20 20", "far outside"),
        ("7 0.1 0.1 0.2 0.1 0.2 0.2", "category '7'"),
    ],
)
def test_a_line_that_is_no_polygon_rejects_the_photo(text, message):
    with pytest.raises(InputRejected, match=message):
        yolo(text)


def layers(*parts):
    return annotated_class_ids(join_parts(parts), spec("layers"), SIZE)[0]


def test_layers_lie_in_the_order_of_the_classes_and_each_has_one_value():
    half = np.zeros((30, 40), np.uint8)
    half[:, 20:] = 1
    assert (layers(("tree", png_of(half)), ("car", png_of(half * 0 + 255)))[:, 20:] == 2).all()
    with pytest.raises(InputRejected, match="layer 1 of 1, 'car': has the values 1, 2 beside 0"):
        layers(("car", png_of(half + (half > 0) * np.eye(30, 40, dtype=np.uint8))))
    with pytest.raises(InputRejected, match="is 20x20 pixels, its photo 40x30"):
        layers(("car", png_of(np.ones((20, 20), np.uint8))))
    with pytest.raises(InputRejected, match="none of PNG, BMP"):
        layers(("car", b"text"))


def panoptic(pixels, *segments):
    parts = [("", png_of(pixels)), ("entry", entry({"segments": list(segments)}))]
    return annotated_class_ids(join_parts(parts), spec("panoptic"), SIZE)[0]


def test_a_panoptic_png_and_its_file_must_agree_on_the_segments():
    pixels = np.zeros((30, 40, 3), np.uint8)
    pixels[10:, :] = (1, 2, 3)
    segment = {"id": 1 + 2 * 256 + 3 * 65536, "category": "tree", "crowd": 0}
    assert (panoptic(pixels, segment) == 2).sum() == 20 * 40
    with pytest.raises(InputRejected, match="1 segments of the PNG, such as 197121, are not in the file"):
        panoptic(pixels)
    with pytest.raises(InputRejected, match="1 segments of the file, such as 9, have no pixel"):
        panoptic(pixels, segment, segment | {"id": 9})
    with pytest.raises(InputRejected, match="has an entry in the annotations, but no PNG"):
        annotated_class_ids(join_parts([("entry", entry())]), spec("panoptic"), SIZE)
