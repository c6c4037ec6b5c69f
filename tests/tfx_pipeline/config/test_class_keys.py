"""Classes in a configuration go by the name that machines use, or by the title that people gave them."""

import pytest

from schemas.errors import UserError
from schemas.frozen_model import parse_model
from schemas.spec import DatasetSpec
from tfx_pipeline.config.class_keys import with_class_names
from tfx_pipeline.config.pipeline import PipelineConfig

STREETS = {
    "name": "streets",
    "image_path": "{id}.jpg",
    "mask_path": "{id}.png",
    "classes": {0: "道路", 1: "Traffic sign", 2: "sky", 3: "Fu\u00dfg\u00e4nger"},
}


def config(evaluation=None, class_weights=None) -> PipelineConfig:
    values = {"name": "streets", "data": "data", "output": "output"}
    sections = {
        "evaluation": {"min_mean_iou": 0, **(evaluation or {})},
        "training": {"class_weights": class_weights or {}},
    }
    return parse_model(PipelineConfig, values | sections, "streets.yaml")


def spec(**classes) -> DatasetSpec:
    return parse_model(DatasetSpec, STREETS | classes, "dataset.yaml")


def test_titles_become_names_and_names_stay():
    given = config(
        {"min_iou": {"Traffic sign": 0.5, "sky": 0.9}, "allow_blind": ["道路", "traffic_sign", "Traffic sign"]},
        {"道路": 2, "Fußga\u0308nger": 3},  # as macOS composes it
    )
    named = with_class_names(given, spec())
    assert named.evaluation.min_iou == {"traffic_sign": 0.5, "sky": 0.9}
    assert named.evaluation.allow_blind == ("u9053_u8def", "traffic_sign")
    assert named.training.class_weights == {"u9053_u8def": 2, "fussganger": 3}
    assert with_class_names(named, spec()) == named


def test_what_is_neither_name_nor_title_stays_for_the_check_that_lists_both():
    given = config({"min_iou": {"sofa": 0.5}}, {"Sofa": 2})
    assert with_class_names(given, spec()) == given


def test_a_class_that_is_named_twice_is_refused():
    with pytest.raises(UserError, match="min_iou: 'Traffic sign' and 'traffic_sign' are the same class; give one"):
        with_class_names(config({"min_iou": {"Traffic sign": 0.5, "traffic_sign": 0.6}}), spec())


def test_a_key_that_means_two_classes_is_refused():
    first, second = {"name": "road", "title": "path"}, {"name": "path", "title": "road"}
    crossed = spec(classes=[first | {"mask_values": 0}, second | {"mask_values": 1}])
    with pytest.raises(UserError, match="class_weights: 'road' is the name of one class and the title of 'path'"):
        with_class_names(config(class_weights={"road": 2}), crossed)
