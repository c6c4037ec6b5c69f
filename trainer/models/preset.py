"""A whole segmentation network of KerasHub, of which only the layer that gives the classes is new.

SegFormer comes with weights from ADE20K or Cityscapes, DeepLabV3+ with those from Pascal VOC: their decoders have
learned from far more masks than most data sets have.
"""

from __future__ import annotations

import keras
from keras import layers

from schemas.image_size import scaled, sides
from trainer.config import TrainingConfig
from trainer.models.blocks import check_image_size, enlarged_input, resize_to, sides_of
from trainer.models.presets import preset_segmenter


def build_preset(config: TrainingConfig, image_size: int | str, num_classes: int) -> keras.Model:
    """Builds the network that `config.encoder` names for our classes; see `trainer.models.build_model`.

    All of the network is its submodel `encoder`: the first phase trains the new layer alone.
    """
    check_image_size(config, image_size)
    network = preset_segmenter(config, scaled(image_size, config.encoder_scale))
    images, enlarged = enlarged_input(config, image_size)
    logits = layers.Conv2D(num_classes, 1, name="coarse_logits")(network(enlarged))
    if (finer := sides_of(logits).height // sides(image_size).height) > 1:  # DeepLabV3 answers at the enlarged size
        logits = layers.AveragePooling2D(finer, name="reduce")(logits)
    return keras.Model(images, resize_to(logits, sides(image_size), "logits"), name="preset")
