"""The exported model's contract: each name stands once, and code that cannot import it repeats it exactly."""

import ast
import re

import pytest

from schemas import exported_model
from schemas.errors import UserError
from schemas.exported_model import ModelInfo, parse_model_info
from tests.rooms import PROJECT_DIR

APP = "tfx_pipeline/space/segmentation_app/"  # copied into a Space, where there is no `schemas`
DISTINCT = (  # the names that mean nothing else
    exported_model.SAVED_MODEL_FILE,
    exported_model.EXTRA_FOLDER,
    exported_model.INFO_FILE,
    exported_model.TFLITE_FILE,
    exported_model.INT8_TFLITE_FILE,
    exported_model.SERVING_DEFAULT,
    exported_model.PREDICT_PIXELS,
    exported_model.PREDICT_IMAGE,
    exported_model.CLASS_IDS,
    exported_model.MASK_BYTES,
    exported_model.CONFUSION_MATRIX,
    exported_model.BOUNDARY_COUNTS,
)
INFO = ModelInfo(dataset="pets", classes=("pet", "background"), palette=((0, 0, 0), (9, 9, 9)), image_size=32)


def literals(source: str) -> list[str]:
    """The texts in a module's code, without docstrings."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    first = [node.body[0] for node in ast.walk(tree) if isinstance(node, documented) and node.body]
    docstrings = {id(one.value) for one in first if isinstance(one, ast.Expr)}
    constants = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in docstrings]
    return [node.value for node in constants if isinstance(node.value, str)]


def test_each_name_stands_in_one_module_and_in_code_that_is_copied_away():
    found = []
    for room in ("beam_jobs", "trainer", "tfx_pipeline"):
        for path in sorted((PROJECT_DIR / room).rglob("*.py")):
            place = path.relative_to(PROJECT_DIR).as_posix()
            if not place.startswith(APP):
                found += [(place, text) for text in literals(path.read_text(encoding="utf-8")) if text in DISTINCT]
    allowed = {
        "tfx_pipeline/evaluation/iou_metrics.py",  # the name of a metric
        "tfx_pipeline/evaluation/results.py",  # a key of summary.json
    }
    assert [one for one in found if one[0] not in allowed] == []


def test_the_app_of_a_space_repeats_the_names_of_the_contract():
    from tfx_pipeline.space.segmentation_app import model

    assert model.INFO_FILE == exported_model.INFO_FILE
    assert model.TFLITE_FILE == exported_model.TFLITE_FILE
    assert model.SAVED_MODEL_FOLDER == exported_model.REPOSITORY_FOLDER
    assert (model.SIGNATURE, model.OBSERVED_SIGNATURE) == (exported_model.PREDICT_PIXELS, exported_model.OBSERVE_PIXELS)
    assert model.FEATURE_HASHES == exported_model.FEATURE_HASHES
    assert model.FEATURE_PROJECTIONS == exported_model.FEATURE_PROJECTIONS
    assert f"{exported_model.REPOSITORY_FOLDER}/{exported_model.WEIGHTS_INDEX}" == model.WEIGHTS_INDEX


def test_the_app_in_the_browser_repeats_the_names_of_the_contract():
    source = (PROJECT_DIR / "tfx_pipeline" / "space" / "static_app" / "model.js").read_text(encoding="utf-8")
    constants = dict(re.findall(r'^const (\w+) = "(.*)";$', source, re.MULTILINE))
    assert constants["TFLITE_FILE"] == exported_model.TFLITE_FILE
    assert constants["SIGNATURE"] == exported_model.PREDICT_PIXELS
    assert f"/{exported_model.INFO_FILE}`" in source
    assert f"outputs.{exported_model.LOGITS}" in source


def test_an_info_is_read_back_as_it_was_written():
    text = INFO.to_json()
    assert parse_model_info(text.encode(), "m.json") == INFO
    assert parse_model_info(text.encode(), "m.json").to_json() == text


def test_an_info_of_an_earlier_version_stays_as_it_is_when_it_is_written_again():
    assert '"tuned"' not in INFO.to_json()
    assert '"metrics": null' in INFO.model_copy(update={"metrics": None}).to_json()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"palette": ((0, 0, 0),)}, "palette: 1 colours for 2 classes"),
        ({"classes": ("pet", "pet")}, "classes: names must differ"),
        ({"titles": ("犬", "犬")}, "titles: needs 2 that differ, one for each class"),
        ({"image_size": 0}, "image_size: "),
        ({"fit": "contain"}, "fit: Input should be 'stretch' or 'letterbox'"),
        ({"fit": "letterbox", "tiled": True}, "fit: letterbox, but a tiled model"),
        ({"tflite": {"model.tflite": {"bytes": 1}}}, r"tflite\.model\.tflite\.sha256: Field required"),
    ],
)
def test_an_info_that_contradicts_itself_is_an_error_that_names_the_file_and_the_key(fields, message):
    text = INFO.model_copy(update=fields).to_json()
    with pytest.raises(UserError, match=f"m.json: .*{message}"):
        parse_model_info(text.encode(), "m.json")
