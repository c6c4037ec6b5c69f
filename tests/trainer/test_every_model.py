"""What holds for every model of the registry: it learns, is exported, and answers the same after a reload."""

import numpy as np
import pytest
import tensorflow as tf

from tests.trainer.conftest import draw
from trainer.config import PRESET, TrainingConfig
from trainer.export import export_model
from trainer.export_tflite import export_tflite
from trainer.feature_hash import measure_scale
from trainer.models import BUILDERS
from trainer.preprocessing import scale_pixels
from trainer.training import train

pytestmark = [pytest.mark.proof, pytest.mark.slow(250)]

SIZE, CLASSES = 64, 3


@pytest.mark.parametrize("name", sorted(BUILDERS.keys() - {PRESET}))
def test_a_model_learns_eight_images_by_heart_and_answers_the_same_after_export(name, write_shards, tmp_path):
    if name == "segformer":
        pytest.importorskip("keras_hub", reason="segformer needs the extra `models`")
    config = TrainingConfig(
        model=name,
        encoder_weights="none",
        encoder_scale=1,
        decoder_filters=16,
        epochs=8,
        fine_tune_epochs=0,
        batch_size=4,
        augment=False,
        evaluate_every=8,
    )
    eight = write_shards(list(range(8)), SIZE)
    five_times = write_shards([index % 8 for index in range(40)], SIZE)
    model, epochs = train(config, five_times, eight, SIZE, CLASSES, report=lambda line: None)
    assert epochs[-1].mean_iou > 0.85
    scale = measure_scale(model, eight, SIZE)
    export_model(model, SIZE, CLASSES, str(tmp_path / "model"), scale=scale)
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    photos = np.stack([draw(index, SIZE)[0] for index in range(8)])
    expected = model(scale_pixels(photos), training=False)
    pixels = tf.constant(photos, tf.float32)
    np.testing.assert_allclose(signatures["predict_pixels"](pixels)["logits"], expected, atol=1e-3)
    observed = signatures["observe_pixels"](pixels)
    np.testing.assert_allclose(observed["logits"], expected, atol=1e-3)
    assert len(np.unique(observed["feature_hashes"], axis=0)) == 8


@pytest.mark.parametrize("name", ["unet", PRESET])
def test_a_model_from_a_preset_trains_in_both_phases_and_answers_the_same_as_tflite(name, write_shards, tmp_path):
    hub = pytest.importorskip("keras_hub", reason="presets need the extra `models`")
    encoder = hub.models.DenseNetBackbone([1, 1, 1, 1], growth_rate=8)
    if name == PRESET:
        encoder = hub.models.DeepLabV3Backbone(
            encoder, spatial_pyramid_pooling_key="P5", upsampling_size=8, dilation_rates=[2], low_level_feature_key="P2"
        )
    encoder.save_to_preset(tmp_path / "preset")
    given = {"encoder": str(tmp_path / "preset"), "encoder_scale": 1, "decoder_filters": 8}
    config = TrainingConfig(model=name, epochs=1, fine_tune_epochs=1, **given)
    shards = write_shards(list(range(16)), SIZE)
    before = hub.models.Backbone.from_preset(str(tmp_path / "preset")).get_weights()
    model, epochs = train(config, shards, shards, SIZE, CLASSES, report=lambda line: None)
    assert len(epochs) == 2
    changed = [not np.array_equal(one, other) for one, other in zip(model.get_layer("encoder").get_weights(), before)]
    assert any(changed)
    assert not all(changed)  # the statistics that came with the weights stay
    export_model(model, SIZE, CLASSES, str(tmp_path / "model"))
    assert "model.tflite" in export_tflite(str(tmp_path / "model"), shards)  # refused where it answers otherwise
