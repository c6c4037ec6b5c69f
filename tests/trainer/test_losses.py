import numpy as np
import tensorflow as tf

from schemas.features import IGNORE_ID
from trainer.losses import PixelTerm, segmentation_loss

LOSS = segmentation_loss()

TRUTH = np.array([[[0, 1], [2, 1]]], np.uint8)


def test_a_sure_and_right_answer_costs_almost_nothing():
    logits = 20.0 * np.eye(3, dtype=np.float32)[TRUTH]
    assert float(LOSS(TRUTH, logits)) < 1e-4


def test_an_even_guess_costs_its_cross_entropy_and_its_soft_iou():
    logits = np.zeros((1, 2, 2, 3), np.float32)
    counts = np.array([1, 2, 1])
    intersection = counts / 3
    soft_iou = np.mean((intersection + 1) / (counts + 4 / 3 - intersection + 1))
    np.testing.assert_allclose(float(LOSS(TRUTH, logits)), np.log(3) + 1 - soft_iou, rtol=1e-5)


def _loss_and_gradient(truth: np.ndarray, logits: np.ndarray) -> tuple[float, np.ndarray]:
    variable = tf.Variable(logits)
    with tf.GradientTape() as tape:
        loss = LOSS(truth, variable)
    return float(loss), tape.gradient(loss, variable).numpy()


def test_ignored_pixels_cost_and_teach_nothing_wherever_they_lie():
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, (2, 4, 4), dtype=np.uint8)
    logits = random.normal(size=(2, 4, 4, 3)).astype(np.float32)
    wider_truth = np.full((2, 4, 8), IGNORE_ID, np.uint8)
    wider_truth[:, :, ::2] = truth
    wider_logits = random.normal(0, 9, (2, 4, 8, 3)).astype(np.float32)
    wider_logits[:, :, ::2] = logits
    loss, gradient = _loss_and_gradient(truth, logits)
    wider_loss, wider_gradient = _loss_and_gradient(wider_truth, wider_logits)
    np.testing.assert_allclose(wider_loss, loss, rtol=1e-5)
    np.testing.assert_allclose(wider_gradient[:, :, ::2], gradient, atol=1e-6)
    assert not wider_gradient[:, :, 1::2].any()


def test_a_batch_without_a_labelled_pixel_costs_nothing():
    loss, gradient = _loss_and_gradient(np.full((1, 2, 2), IGNORE_ID, np.uint8), np.ones((1, 2, 2, 3), np.float32))
    assert loss == 0.0
    assert not gradient.any()


def test_class_weights_make_the_cross_entropy_a_weighted_mean():
    logits = np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype(np.float32)
    weights = (1.0, 2.0, 5.0)
    per_pixel = -np.take_along_axis(
        np.log(np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)), TRUTH[..., None], -1
    )
    pixel_weights = np.take(weights, TRUTH)
    expected = (per_pixel[..., 0] * pixel_weights).sum() / pixel_weights.sum()
    np.testing.assert_allclose(float(segmentation_loss(None, PixelTerm(weights))(TRUTH, logits)), expected, rtol=1e-5)


def test_an_even_guess_costs_its_cross_entropy_and_its_soft_dice():
    counts = np.array([1, 2, 1])
    dice = np.mean((2 * counts / 3 + 1) / (counts + 4 / 3 + 1))
    logits = np.zeros((1, 2, 2, 3), np.float32)
    np.testing.assert_allclose(float(segmentation_loss("dice")(TRUTH, logits)), np.log(3) + 1 - dice, rtol=1e-5)


def cross_entropy_of(pixels: PixelTerm, truth: np.ndarray, logits: np.ndarray) -> float:
    return float(segmentation_loss(None, pixels)(truth, logits))


def test_the_focal_loss_leaves_a_wrong_pixel_as_it_is_and_fades_a_right_one():
    logits = np.array([[[[4.0, 0, 0], [0, 4.0, 0], [4.0, 0, 0], [4.0, 0, 0]]]], np.float32)
    right, wrong = np.array([[[0, 1, 0, 0]]], np.uint8), np.array([[[1, 0, 1, 2]]], np.uint8)
    for truth, least, most in ((right, 0, 0.01), (wrong, 0.9, 1)):
        plain = cross_entropy_of(PixelTerm(), truth, logits)
        assert least <= cross_entropy_of(PixelTerm(focal_gamma=2), truth, logits) / plain <= most


def test_the_focal_loss_of_a_sure_answer_has_a_finite_gradient():
    logits = tf.Variable(500.0 * np.eye(3, dtype=np.float32)[TRUTH])
    with tf.GradientTape() as tape:
        loss = segmentation_loss(None, PixelTerm(focal_gamma=0.5))(TRUTH, logits)
    assert np.isfinite(tape.gradient(loss, logits).numpy()).all()


def test_hard_pixels_average_the_largest_losses_among_the_labelled_pixels():
    logits = np.zeros((1, 1, 5, 2), np.float32)
    logits[0, 0, :, 0] = [5, 1, -1, -2, -50]
    truth = np.array([[[0, 0, 0, 0, IGNORE_ID]]], np.uint8)
    losses = np.log1p(np.exp(-logits[0, 0, :4, 0]))
    np.testing.assert_allclose(
        cross_entropy_of(PixelTerm(hard_pixels=0.5), truth, logits), losses[2:].mean(), rtol=1e-5
    )
    assert cross_entropy_of(PixelTerm(hard_pixels=0.5), np.full((1, 1, 5), IGNORE_ID, np.uint8), logits) == 0


def test_labels_soften_along_borders_alone():
    truth = np.zeros((1, 8, 8), np.uint8)
    truth[:, :, 5:] = 1
    sure = 10.0 * np.eye(2, dtype=np.float32)[truth]
    variable = tf.Variable(sure)
    with tf.GradientTape() as tape:
        loss = segmentation_loss(None, PixelTerm(label_smoothing=0.3))(truth, variable)
    slope = np.abs(tape.gradient(loss, variable).numpy()).sum(axis=(0, 1, 3))
    assert (slope > 0.01).tolist() == [False] * 4 + [True] * 2 + [False] * 2


def test_an_ignored_pixel_softens_no_label():
    truth = np.array([[[0, 0, IGNORE_ID], [0, 0, IGNORE_ID]]], np.uint8)
    logits = np.random.default_rng(0).normal(size=(1, 2, 3, 2)).astype(np.float32)
    smoothed = cross_entropy_of(PixelTerm(label_smoothing=0.5), truth, logits)
    np.testing.assert_allclose(smoothed, cross_entropy_of(PixelTerm(), truth, logits), rtol=1e-6)
