"""Which files of weights an encoder can start from, by their headers alone."""

import keras
import pytest

from trainer.config import TrainingConfig
from trainer.models.segformer import HEADS, PATCHES, REDUCTIONS, STRIDES
from trainer.weights_file import MIX_TRANSFORMERS, MOBILENET_LAST, weights_problem


def problem(weights, is_here: bool = True, **training) -> str | None:
    values = {"encoder_weights": str(weights), "fine_tune_epochs": 0, **training}
    return weights_problem(TrainingConfig(**values), is_here)


def test_a_file_of_the_right_width_has_no_problem(weights_file):
    assert problem(weights_file) is None
    assert problem(weights_file, model="deeplabv3plus") is None


def test_a_file_of_another_width_is_named_with_its_own(weights_file):
    assert problem(weights_file, encoder_width=1.0) == (
        f"encoder_weights: {weights_file!r} has encoder_width 0.35, not 1.0; change one of the two"
    )


@pytest.mark.parametrize("width", [0.5, 1.3])
def test_a_width_is_known_by_its_last_convolution(width):
    model = keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=width, include_top=False, weights=None)
    assert model.get_layer("Conv_1").kernel.shape == (1, 1, *MOBILENET_LAST[width])


def test_a_file_with_a_classifier_is_refused(tmp_path):
    path = tmp_path / "with_top.weights.h5"
    keras.applications.MobileNetV2(input_shape=(32, 32, 3), alpha=0.35, weights=None, classes=3).save_weights(path)
    assert "also holds a classifier" in problem(path)


def test_a_file_of_another_kind_of_model_is_refused(tmp_path, weights_file):
    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((8, 8, 320)), keras.layers.Conv2D(1280, 1)]).save_weights(path)
    assert "does not hold weights of MobileNetV2, which unet starts from" in problem(path, encoder_width=1.0)
    assert "does not hold weights of a Mix Transformer" in problem(weights_file, model="segformer")


def test_a_mix_transformer_is_known_by_its_size(tmp_path):
    models = pytest.importorskip("keras_hub.models", reason="segformer needs the extra `models`")
    channels, blocks = MIX_TRANSFORMERS["b0"]
    path = tmp_path / "b0.weights.h5"
    models.MiTBackbone(
        layerwise_depths=blocks,
        num_layers=4,
        layerwise_num_heads=HEADS,
        layerwise_sr_ratios=REDUCTIONS,
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=PATCHES,
        layerwise_strides=STRIDES,
        image_shape=(64, 64, 3),
        hidden_dims=channels,
    ).save_weights(path)
    assert problem(path, model="segformer") is None
    assert "has segformer_size b0, not b2" in problem(path, model="segformer", segformer_size="b2")


@pytest.mark.parametrize("content", [b"no weights", b"\x89HDF\r\n\x1a\n cut off"])
def test_a_file_that_is_damaged_or_of_another_format_is_refused(tmp_path, content):
    path = tmp_path / "broken.weights.h5"
    path.write_bytes(content)
    assert "cannot be read as HDF5" in problem(path)


@pytest.mark.parametrize(
    ("model", "weights", "choices"),
    [
        ("unet", "ade20k", "unet takes none, imagenet or the path"),
        ("segformer", "imagenet", "segformer takes none, ade20k, cityscapes or the path"),
        ("unet", "gs://bucket/x.weights.h5", "unet takes none, imagenet or the path"),
        ("unet", "absent.weights.h5", "unet takes none, imagenet or the path"),
    ],
)
def test_a_name_that_is_neither_a_file_nor_to_be_downloaded_is_refused(model, weights, choices):
    assert f"no file {weights!r}; {choices}" in problem(weights, model=model)


def test_a_file_that_may_lie_on_another_machine_is_not_missed_here():
    assert problem("/image/mobilenet_no_top.weights.h5", is_here=False) is None
    assert "no file 'ade20k'" in problem("ade20k", is_here=False)
