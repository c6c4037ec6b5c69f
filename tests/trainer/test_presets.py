"""Encoders from KerasHub presets under every decoder."""

from pathlib import Path

import keras
import numpy as np
import pytest

from schemas.errors import UserError
from trainer.config import MODELS, PRESET, SMALL_UNET, TrainingConfig
from trainer.models import build_model
from trainer.models.presets import preset_encoder, preset_segmenter
from trainer.weights_file import weights_files, weights_problem

hub = pytest.importorskip("keras_hub", reason="presets need the extra `models`")
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def config(encoder, **values):
    return TrainingConfig(**{"encoder": str(encoder), "encoder_scale": 1, "decoder_filters": 8, **values})


@pytest.fixture(scope="module")
def resnet(tmp_path_factory):
    """A preset with an image converter, and with features down to 1/4 only."""
    folder = tmp_path_factory.mktemp("resnet")
    hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 64, 64, 64],
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
    ).save_to_preset(folder)
    hub.layers.ResNetImageConverter(
        scale=[1 / 255 / one for one in DEVIATION], offset=[-mean / one for mean, one in zip(MEAN, DEVIATION)]
    ).save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def mit():
    """A Mix Transformer that is built for images of 96 pixels: a second to build, and so built once."""
    return hub.models.MiTBackbone(
        layerwise_depths=[1, 1, 1, 1],
        num_layers=4,
        layerwise_num_heads=[1, 2, 5, 8],
        layerwise_sr_ratios=[8, 4, 2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[7, 3, 3, 3],
        layerwise_strides=[4, 2, 2, 2],
        image_shape=(96, 96, 3),
        hidden_dims=[32, 64, 160, 256],
    )


@pytest.fixture(scope="module")
def mix_transformer(mit, tmp_path_factory):
    """A preset without an image converter, built for images of 96 pixels."""
    folder = tmp_path_factory.mktemp("mit")
    mit.save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def encoder_for_64_pixels(mix_transformer):
    """An encoder that is made from it."""
    return preset_encoder(config(mix_transformer), 64)


@pytest.fixture(scope="module")
def segformer(mit, tmp_path_factory):
    """A whole network with seven classes, built for images of 96 pixels: its folder, and the backbone's weights."""
    folder = tmp_path_factory.mktemp("segformer")
    backbone = hub.models.SegFormerBackbone(mit, projection_filters=16)
    converter = hub.layers.SegFormerImageConverter(image_size=(96, 96), scale=1 / 255)
    preprocessor = hub.models.SegFormerImageSegmenterPreprocessor(converter)
    hub.models.SegFormerImageSegmenter(backbone, num_classes=7, preprocessor=preprocessor).save_to_preset(folder)
    return folder, backbone.get_weights()


@pytest.fixture(scope="module")
def deeplab(tmp_path_factory, resnet):
    """A whole network with 21 classes, for images of any size: its folder, and the backbone's weights."""
    folder = tmp_path_factory.mktemp("deeplab")
    backbone = hub.models.DeepLabV3Backbone(
        hub.models.Backbone.from_preset(str(resnet)),
        spatial_pyramid_pooling_key="P5",
        upsampling_size=8,
        dilation_rates=[2, 4, 6],
        low_level_feature_key="P2",
    )
    preprocessor = hub.models.DeepLabV3ImageSegmenterPreprocessor(hub.layers.DeepLabV3ImageConverter(scale=1 / 255))
    hub.models.DeepLabV3ImageSegmenter(backbone, num_classes=21, preprocessor=preprocessor).save_to_preset(folder)
    return folder, backbone.get_weights()


@pytest.mark.parametrize("name", [name for name in MODELS if name not in (SMALL_UNET, PRESET)])
@pytest.mark.parametrize("scale", [1, 2])
def test_every_decoder_takes_a_preset_and_answers_at_the_size_of_the_image(name, scale, resnet):
    model = build_model(config(resnet, model=name, encoder_scale=scale), 64, 5)
    assert model.output_shape == (None, 64, 64, 5)


@pytest.mark.parametrize(("network", "scale"), [pytest.param("segformer", 1, marks=pytest.mark.proof), ("deeplab", 2)])
def test_a_whole_network_gives_our_classes_at_the_size_of_the_image(network, scale, request):
    folder, saved = request.getfixturevalue(network)
    model = build_model(config(folder, model=PRESET, encoder_scale=scale), 64, 5)
    assert model.output_shape == (None, 64, 64, 5)
    for one, other in zip(model.get_layer("encoder").get_weights(), saved, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_whole_network_is_its_own_model_and_an_encoder_is_none(deeplab, resnet):
    with pytest.raises(UserError, match=r"DeepLabV3Backbone, .* whole .* network: set training\.model=preset"):
        preset_encoder(config(deeplab[0]), 64)
    with pytest.raises(UserError, match=r"is a ResNetBackbone, and model preset takes a whole segmentation network"):
        preset_segmenter(config(resnet, model=PRESET), 64)
    with pytest.raises(ValueError, match="model preset needs the name or folder"):
        TrainingConfig(model=PRESET)


def test_a_backbone_that_is_built_for_one_size_is_built_for_ours(encoder_for_64_pixels):
    features = encoder_for_64_pixels.outputs
    assert [one.shape[1:] for one in features] == [(2, 2, 256), (4, 4, 160), (8, 8, 64), (16, 16, 32)]


def test_features_come_in_the_order_that_is_asked_for(resnet):
    assert [one.shape[1] for one in preset_encoder(config(resnet), 64, (4, 32)).outputs] == [16, 2]


def test_pixels_are_normalized_as_the_preset_says(resnet, encoder_for_64_pixels):
    pixels = np.array([0, 100, 255], np.float32) / 127.5 - 1
    standardize = preset_encoder(config(resnet), 64).get_layer("standardize")
    expected = (np.array([0, 100, 255]) / 255 - MEAN) / DEVIATION
    np.testing.assert_allclose(standardize(pixels[None, None, None])[0, 0, 0], expected, atol=1e-5)
    plain = encoder_for_64_pixels.get_layer("standardize")
    np.testing.assert_allclose(plain(pixels[None, None, None])[0, 0, 0], pixels, atol=1e-6)


def test_the_weights_are_the_preset_s_unless_none_is_asked_for(resnet):
    saved = hub.models.Backbone.from_preset(str(resnet)).get_weights()
    loaded = preset_encoder(config(resnet), 64).get_weights()
    for one, other in zip(loaded, saved, strict=True):
        np.testing.assert_array_equal(one, other)
    keras.utils.set_random_seed(1)
    fresh = preset_encoder(config(resnet, encoder_weights="none", fine_tune_epochs=0), 64).get_weights()
    assert not np.array_equal(fresh[0], saved[0])


def test_a_backbone_without_features_of_several_scales_is_refused_by_name(tmp_path):
    hub.models.VGGBackbone(stackwise_num_repeats=[1] * 5, stackwise_num_filters=[4] * 5).save_to_preset(tmp_path)
    with pytest.raises(UserError, match=r"is a VGGBackbone, which offers no features of several scales"):
        preset_encoder(config(tmp_path), 64)


def test_what_is_no_preset_is_named_before_and_when_it_is_loaded(tmp_path, resnet):
    (tmp_path / "config.json").write_text("[]")
    assert "has no model.weights.h5; give what `save_to_preset` wrote" in weights_problem(config(tmp_path))
    with pytest.raises(UserError, match=r"training\.encoder: the preset .* cannot be loaded: "):
        preset_encoder(config(tmp_path), 64)
    assert "encoder: no folder" in weights_problem(config(tmp_path / "nowhere"))
    assert weights_problem(config("/only/in/the/image"), is_here=False) is None
    assert weights_problem(config("hf://timm/tf_efficientnet_lite0.in1k")) is None
    assert weights_problem(config(resnet)) is None


def test_the_files_of_a_preset_are_what_the_encoder_is_made_from(resnet):
    names = [Path(path).name for path in weights_files(str(resnet))]
    assert {"config.json", "image_converter.json", "model.weights.h5"} <= set(names)
    assert weights_files("hf://timm/resnet18.a1_in1k") == weights_files("imagenet") == weights_files("none") == ()


def test_a_preset_and_a_file_of_weights_contradict_each_other():
    with pytest.raises(ValueError, match="a preset brings its own"):
        config("hf://keras/resnet", encoder_weights="mobilenet.weights.h5")


@pytest.mark.proof
def test_stochastic_depth_is_the_backbone_s_own_or_the_one_asked_for(mix_transformer):
    def rates(**values):
        layers = preset_encoder(config(mix_transformer, **values), 64)._flatten_layers()
        return [
            layer.drop_path.rate for layer in layers if hasattr(layer, "drop_path") and hasattr(layer.drop_path, "rate")
        ]

    assert max(rates()) == pytest.approx(0.1)
    assert max(rates(drop_path=0.3)) == pytest.approx(0.3)


def test_an_encoder_without_stochastic_depth_is_refused_by_name(resnet):
    with pytest.raises(UserError, match=r"a ResNetBackbone has no stochastic depth; leave training\.drop_path out"):
        preset_encoder(config(resnet, drop_path=0.1), 64)
    with pytest.raises(ValueError, match="this encoder has no stochastic depth"):
        TrainingConfig(drop_path=0.1)
