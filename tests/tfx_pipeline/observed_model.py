"""The smallest model with an encoder, exported with the signatures that the log of what is served needs."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from schemas.fitting import STRETCH, Fit
from schemas.shipped import load_spec
from tests.beam_jobs.toy_model import add_tflite_file
from trainer.config import TrainingConfig
from trainer.export import export_model, write_model_info
from trainer.feature_hash import FeatureScale
from trainer.tflite_conversion import convert, save_for_one_image

SIZE = 32
TRAINED_ON = "e" * 64


def export_observed(folder: Path, fit: Fit = STRETCH, crop_size: int = 0, tflite: bool = False) -> str:
    """Writes the model, with its TFLite model if asked for; gives its folder."""
    keras.utils.set_random_seed(0)
    pixels, seen = keras.Input((SIZE, SIZE, 3)), keras.Input((SIZE, SIZE, 3))
    encoder = keras.Model(seen, keras.layers.Conv2D(8, 3, strides=2, padding="same")(seen), name="encoder")
    logits = keras.layers.Conv2D(3, 1)(keras.layers.UpSampling2D()(encoder(pixels)))
    scale = FeatureScale(np.zeros(8, np.float32), np.ones(8, np.float32))
    size, config = 0 if crop_size else SIZE, TrainingConfig(crop_size=crop_size)
    export_model(keras.Model(pixels, logits), size, 3, str(folder), fit=fit, scale=scale, crop_size=crop_size)
    write_model_info(str(folder), load_spec("pets"), size, TRAINED_ON, config, "1" * 64, fit=fit)
    if tflite:
        one_image = folder.with_name(f"{folder.name}-one-image")
        save_for_one_image(tf.saved_model.load(str(folder)), str(one_image))
        add_tflite_file(folder, convert(str(one_image), quantize=False))
    return str(folder)
