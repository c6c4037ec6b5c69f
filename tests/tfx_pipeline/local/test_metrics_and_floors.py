"""What a run measures is what numpy computes, and floors hold for it; the model needs no training."""

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from schemas.bootstrap import REPLICATES
from schemas.metrics import boundary_f_scores, confusion_matrix
from tests.tfx_pipeline.conftest import BORDERLESS_BREED
from tests.tfx_pipeline.local.toy_runs import CLASSES, MIDDLING, Run, judged, numpy_ious, run_pipeline
from tests.tfx_pipeline.toy_trainer import BLIND_TO_LAST
from tfx_pipeline import local_runner
from trainer.boundaries import batch_boundary_counts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def floor_output(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("floor_output")


@pytest.fixture(scope="module")
def below_floor(toy_version, floor_output) -> Run:
    return run_pipeline(toy_version, floor_output, MIDDLING, min_mean_iou=0.9)


def test_the_metrics_equal_numpys(below_floor, toy_version):
    expected = numpy_ious(toy_version, MIDDLING)
    metrics = below_floor.summary["metrics"]
    np.testing.assert_allclose([metrics["iou"][name] for name in CLASSES], expected, atol=1e-6)
    assert metrics["mean_iou"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert metrics["examples"] == 14


def test_the_confusion_matrix_is_the_sum_over_all_examples(below_floor, toy_version):
    expected = sum(confusion_matrix(truth, predicted, 3) for _, truth, predicted in judged(toy_version, MIDDLING))
    np.testing.assert_array_equal(below_floor.summary["metrics"]["confusion_matrix"], expected)


def test_the_boundary_score_equals_numpys(below_floor, toy_version):
    counts = [
        batch_boundary_counts(tf.constant(truth[None]), tf.constant(predicted[None]), 3).numpy()[0]
        for _, truth, predicted in judged(toy_version, MIDDLING)
    ]
    expected = np.mean(boundary_f_scores(np.sum(counts, axis=0)))
    assert below_floor.summary["metrics"]["boundary_f_score"] == pytest.approx(expected, abs=1e-6)


def test_the_confidence_interval_is_numpys_bootstrap_of_the_same_examples(below_floor, toy_version):
    intersections, unions = np.zeros((REPLICATES, 3)), np.zeros((REPLICATES, 3))
    for serialized, truth, predicted in judged(toy_version, MIDDLING):
        fingerprint = int(tf.strings.to_hash_bucket_fast(serialized, tf.int64.max))
        weights = np.random.default_rng(fingerprint).poisson(1.0, REPLICATES)
        for class_id in range(3):
            intersections[:, class_id] += weights * np.sum((truth == class_id) & (predicted == class_id))
            unions[:, class_id] += weights * np.sum((truth == class_id) | (predicted == class_id))
    low, high = np.quantile((intersections / unions).mean(axis=1), [0.025, 0.975])
    metrics = below_floor.summary["metrics"]
    np.testing.assert_allclose(metrics["intervals"]["mean_iou"], [low, high], atol=1e-6)
    assert low < metrics["mean_iou"] < high


def test_the_metrics_of_every_slice_equal_numpys(below_floor, toy_version):
    breeds = below_floor.summary["metrics"]["slices"]["breed"]
    assert sorted(breeds) == ["Bengal", "Sphynx", "beagle", "pug"]
    for breed, metrics in breeds.items():
        expected = numpy_ious(toy_version, MIDDLING, breed)
        got = [np.nan if metrics["iou"][name] is None else metrics["iou"][name] for name in CLASSES]
        np.testing.assert_allclose(got, expected, atol=1e-6)
        assert metrics["mean_iou"] == pytest.approx(np.nanmean(expected), abs=1e-6)


def test_a_class_that_a_slice_lacks_is_null_and_left_out_of_its_mean(below_floor):
    metrics = below_floor.summary["metrics"]["slices"]["breed"][BORDERLESS_BREED]
    assert metrics["iou"]["border"] is None
    assert metrics["mean_iou"] == pytest.approx((metrics["iou"]["pet"] + metrics["iou"]["background"]) / 2)


def test_species_are_slices_too(below_floor):
    species = below_floor.summary["metrics"]["slices"]["species"]
    assert sorted(species) == ["cat", "dog"]
    assert species["cat"]["examples"] + species["dog"]["examples"] == 14


def test_a_model_below_the_floor_is_neither_blessed_nor_pushed(below_floor):
    assert below_floor.exit_code == local_runner.EXIT_NOT_BLESSED
    assert below_floor.summary["pushed_to"] is None
    [reason] = below_floor.summary["not_blessed_because"]
    assert reason == f"mean_iou {below_floor.summary['metrics']['mean_iou']:.4f} is below the floor 0.9000"


def test_a_floor_holds_for_all_examples_together_and_that_of_a_slice_in_each_of_its_values(
    toy_version, floor_output, below_floor
):
    metrics = below_floor.summary["metrics"]
    breeds = {name: one["mean_iou"] for name, one in metrics["slices"]["breed"].items()}
    worst, second = sorted(breeds, key=breeds.get)[:2]
    floor_of_all, floor = (breeds[worst] + metrics["mean_iou"]) / 2, (breeds[worst] + breeds[second]) / 2
    assert breeds[worst] < floor_of_all < metrics["mean_iou"]
    floors = {"min_mean_iou": floor_of_all, "min_slice_mean_iou": {"breed": floor}}
    run = run_pipeline(toy_version, floor_output, MIDDLING, **floors)
    assert "Trainer: up to date" in run.out
    [reason] = run.summary["not_blessed_because"]  # else the floor of all would be another, in that breed
    assert reason == f"mean_iou {breeds[worst]:.4f} of breed {worst} is below the floor {floor:.4f}"


def test_a_model_that_is_blind_to_a_class_is_not_blessed_unless_the_configuration_allows_it(toy_version, tmp_path):
    masks = [truth for _, truth, _ in judged(toy_version, 0)]
    share, photos = np.mean(np.stack(masks) == 2), sum((mask == 2).any() for mask in masks)
    seen = f"blind to border: IoU 0.000, though {share:.2%} of the eval pixels and {photos} of 14 photos show it"
    run = run_pipeline(toy_version, tmp_path, BLIND_TO_LAST, min_mean_iou=0.1)
    [reason] = run.summary["not_blessed_because"]
    assert reason.startswith(seen)
    assert "evaluation.allow_blind" in reason
    assert reason in run.out
    assert (tmp_path / "evaluation.html").read_text().count(seen) == 1
    assert [one["name"] for one in run.summary["blind_classes"]] == ["border"]

    allowed = run_pipeline(toy_version, tmp_path, BLIND_TO_LAST, min_mean_iou=0.1, allow_blind=("border",))
    assert "Trainer: up to date" in allowed.out
    assert allowed.summary["blessed"] is True
    assert f"WARNING: {seen}; evaluation.allow_blind allows it" in allowed.out
    assert (tmp_path / "evaluation.html").read_text().count(seen) == 1
