import numpy as np

from trainer.losses import segmentation_loss

TRUTH = np.array([[[0, 1], [2, 1]]], np.uint8)


def test_a_sure_and_right_answer_costs_almost_nothing():
    logits = 20.0 * np.eye(3, dtype=np.float32)[TRUTH]
    assert float(segmentation_loss(TRUTH, logits)) < 1e-4


def test_an_even_guess_costs_its_cross_entropy_and_its_soft_iou():
    logits = np.zeros((1, 2, 2, 3), np.float32)
    counts = np.array([1, 2, 1])
    intersection = counts / 3
    soft_iou = np.mean((intersection + 1) / (counts + 4 / 3 - intersection + 1))
    np.testing.assert_allclose(float(segmentation_loss(TRUTH, logits)), np.log(3) + 1 - soft_iou, rtol=1e-5)
