"""Class names as people write them reach everything that people read; machines keep the derived ones."""

import json
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from google.protobuf import text_format

from schemas.contract import dataset_text, parse_dataset
from schemas.exported_model import INFO_PATH
from schemas.frozen_model import parse_model
from schemas.metrics import METRICS, Figure, figures
from schemas.spec import DatasetSpec
from tests.rooms import PROJECT_DIR
from tests.tfx_pipeline.hub.test_model_card import EVALUATION, INFO, card, section
from tfx_pipeline.evaluation.prediction_sheet import _legend_entries
from tfx_pipeline.evaluation.results import BlindClass, Evaluation, SliceMetrics
from tfx_pipeline.evaluation.tfma_files import _labels, _reasons
from tfx_pipeline.space.segmentation_app.classes import titles
from tfx_pipeline.space.segmentation_app.layers import annotated
from tfx_pipeline.space.segmentation_app.rendering import legend_html, purpose
from tfx_pipeline.vertex.experiments import google_metrics
from trainer.config import TrainingConfig
from trainer.export import write_model_info

TITLES = ("traffic light", "Fußgänger", "道路")
NAMES = ("traffic_light", "fussganger", "u9053_u8def")
VALUES = {"name": "signs", "image_path": "{id}.jpg", "mask_path": "{id}.png", "classes": list(TITLES)}
SPEC = parse_model(DatasetSpec, VALUES, "dataset.yaml")
SHARES = dict.fromkeys(NAMES, 0.3)


def evaluation():
    values = {"mean_iou": 0.5, "iou": dict.fromkeys(NAMES, 0.5)}
    matrix = ((4, 0, 0), (0, 4, 0), (0, 0, 0))
    return Evaluation(SliceMetrics(3, values), {}, confusion_matrix=matrix, titles=SPEC.class_titles)


def test_a_version_carries_them_and_its_features_have_the_names_of_machines():
    spec = parse_dataset(dataset_text(SPEC).encode(), "dataset.yaml")
    assert spec.class_titles == TITLES
    assert spec.fraction_features == tuple(f"{name}_fraction" for name in NAMES)


def test_metrics_and_their_tags_have_the_names_of_machines_and_labels_those_of_people():
    found = [one for one in figures(SPEC.class_names, SPEC.class_titles) if one.class_name]
    assert {one.name for one in found if one.metric.name == "iou"} == {f"iou_{name}" for name in NAMES}
    assert "IoU of 道路" in [one.label for one in found]


def test_the_terminal_the_verdict_and_vertex_show_them(capsys):
    one = evaluation()
    assert one.warnings == ["道路 is not judged: no mask of the eval split shows it"]
    assert BlindClass("u9053_u8def", 0.0, 0.1, 1, 2, False, "道路").text.startswith("blind to 道路:")
    specs = google_metrics(one)["confidenceMetricsEntries"][0]["confusionMatrix"]["annotationSpecs"]
    assert [spec["displayName"] for spec in specs] == list(TITLES)


def test_a_floor_that_is_missed_names_the_class_as_people_do():
    failure = "metric_key { name: 'iou_u9053_u8def' } metric_value { double_value { value: 0.25 } }"
    failure += " metric_threshold { value_threshold { lower_bound { value: 0.9 } } }"
    text = f"metric_validations_per_slice {{ failures {{ {failure} }} }}"
    result = text_format.Parse(text, tfma.ValidationResult())
    assert _reasons(result, evaluation().overall, None, (), _labels(SPEC)) == [
        "IoU of 道路 0.2500 is below the floor 0.9000"
    ]


def test_the_model_s_info_and_its_card_show_them():
    info = INFO.model_copy(update={"titles": TITLES})
    assert "| 2 | 道路 | " in section(card(info=info), "Classes")
    values = EVALUATION.overall.values | {"iou": {"pet": 0.1, "background": 0.8, "border": None}}
    text = card(info=info, evaluation=Evaluation(SliceMetrics(9, values), {}, titles=TITLES))
    assert "The worst class is traffic light" in text
    assert "IoU of Fußgänger" in text


def test_both_apps_show_them_and_read_models_without(tmp_path):
    info = {"classes": list(NAMES), "titles": list(TITLES), "palette": [[0, 0, 0], [9, 9, 9], [99, 99, 99]]}
    assert all(f"</span>{title}</th>" in legend_html(SHARES, info) for title in TITLES)
    labelled = annotated(np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 2, np.uint8), info)[1]
    assert [title for _, title in labelled] == ["道路"]
    assert purpose(titles(info)) == "Each pixel of a photo, sorted into traffic light, Fußgänger and 道路."
    assert titles({"classes": ["cat"]}) == ["cat"]


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node.js")
def test_the_app_in_the_browser_shows_them(tmp_path):
    for name in ("classes.js", "confidence.js", "enlarging.js", "rendering.js", "resizing.js"):
        (tmp_path / name).write_bytes((PROJECT_DIR / "tfx_pipeline/space/static_app" / name).read_bytes())
    (tmp_path / "package.json").write_text('{"type": "module"}')
    info = {"classes": NAMES, "titles": TITLES, "palette": [[0, 0, 0], [9, 9, 9], [99, 99, 99]], "image_size": 8}
    info |= {"dataset": "signs", "metrics": {"examples": 3, "iou": dict.fromkeys(NAMES, 0.5)}}
    shown = [{"name": one.name, "label": Figure(one).title, "per_class": one.per_class, "digits": 3} for one in METRICS]
    (tmp_path / "show.js").write_text(f"""
        import {{ titles }} from "./classes.js";
        import {{ detailsHtml, legendHtml, purpose }} from "./rendering.js";
        const element = () => ({{ set textContent(text) {{ this.innerHTML = text; }} }});
        globalThis.document = {{ createElement: element }};
        const info = {json.dumps(info)};
        const space = {{ model_repo: "a/b", metrics: {json.dumps(shown)} }};
        console.log(legendHtml(null, info), detailsHtml(space, info), purpose(titles(info)));
    """)
    command = ["node", str(tmp_path / "show.js")]
    printed = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    assert all(f"</span>{title}</th>" in printed for title in TITLES)
    assert "traffic light 0.500, Fußgänger 0.500, 道路 0.500" in printed
    assert "sorted into traffic light, Fußgänger and 道路." in printed


def test_a_drawn_legend_names_what_its_font_has_no_letters_for_as_machines_do():
    assert [name for name, *_ in _legend_entries(SPEC, 800, range(3))] == ["traffic light", "fussganger", "u9053_u8def"]


def test_a_model_is_exported_with_them_where_they_are_not_its_names(tmp_path):
    plain = parse_model(DatasetSpec, VALUES | {"classes": ["sky", "road"]}, "dataset.yaml")
    for spec, expected in ((SPEC, TITLES), (plain, None)):
        write_model_info(str(tmp_path / spec.class_names[0]), spec, 96, "0" * 64, TrainingConfig(), "0" * 64)
        info = json.loads((tmp_path / spec.class_names[0] / INFO_PATH).read_text())
        assert info.get("titles") == (list(expected) if expected else None)
        assert info["classes"] == list(spec.class_names)
