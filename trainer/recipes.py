"""Ready settings for three needs; `training: {recipe: good}` starts from them, and every other setting overrides them.

Each says what to expect of it and what it costs. "Not measured" means just that: the settings follow from what the
literature and other runs say, and nobody has run them as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Recipe(NamedTuple):
    """Settings for a need.

    Attributes:
      settings: Fields of `TrainingConfig` with their values.
      purpose: For whom, in half a sentence.
      expect: What to expect, and what is known of it.
    """

    settings: Mapping[str, Any]
    purpose: str
    expect: str


RECIPES = {
    # The settings of configs/pets.yaml.
    "fast": Recipe(
        settings={
            "model": "unet",
            "encoder_width": 0.35,
            "epochs": 12,
            "fine_tune_epochs": 40,
            "average_mirrored": True,
            "evaluate_every": 10,
        },
        purpose="a CPU and minutes",
        expect="300 photos of pets at 128 pixels: mean IoU 0.762 in 14 minutes on two cores",
    ),
    # EfficientNet-Lite0 was the largest single gain measured on pets. Its weights know more than a decoder that starts
    # at random, so they move more slowly; at a fifth of the decoder's rate they are worse, at the same rate no better.
    "good": Recipe(
        settings={
            "model": "unet",
            "encoder": "hf://timm/tf_efficientnet_lite0.in1k",
            "epochs": 8,
            "fine_tune_epochs": 32,
            "fine_tune_learning_rate": 8e-4,
            "encoder_learning_rate_factor": 0.5,
            "ema_decay": 0.99,
            "label_smoothing": 0.1,
            "average_mirrored": True,
            "evaluate_every": 4,
        },
        purpose="a GPU and minutes to an hour, or a CPU and half an hour",
        expect="300 photos of pets at 128 pixels: mean IoU 0.782 to 0.785 (three seeds), in 23 processor minutes; at "
        "256 pixels with encoder_scale 1: 0.794 to 0.798 (two seeds), in 44; at 384 pixels with 6 and 24 epochs: "
        "0.808 and 0.809, in 76",
    ),
    # For versions of 256 pixels and more, whose objects already have the size that ImageNet weights know.
    "best": Recipe(
        settings={
            "model": "unet",
            "encoder": "efficientnet2_rw_s_ra2_imagenet",
            "drop_path": 0.2,
            "encoder_scale": 1,
            "decoder_filters": 64,
            "epochs": 10,
            "fine_tune_epochs": 90,
            "batch_size": 16,
            "fine_tune_learning_rate": 8e-4,
            "encoder_learning_rate_factor": 0.3,
            "ema_decay": 0.998,
            "label_smoothing": 0.1,
            "average_mirrored": True,
            "evaluate_every": 5,
            "precision": "mixed_bfloat16",
        },
        purpose="a recent GPU, photos of 256 pixels or more, and hours",
        expect="not measured: neither accuracy nor time",
    ),
}
