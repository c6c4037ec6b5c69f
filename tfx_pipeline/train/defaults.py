"""The configuration that a data set seems to need, with the reason behind each value: rules, and nothing else.

The numbers are those of a recipe of `trainer.recipes`, scaled from the 300 photos of pets that it is meant for.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from schemas.class_spec import RARE_SHARE
from schemas.image_size import Sides, parse_image_size, sides
from schemas.sealed_text import sealed
from tfx_pipeline.preflight import ClassShare
from trainer.config import SMALL_UNET
from trainer.recipes import RECIPES

SIZES = (64, 96, 128, 192, 256)  # sides; each a multiple of 32, as the encoders halve five times
USUAL_SIZE = 128
FINER_SIZE, FINER_FROM = 384, 320  # side that is only proposed, and of what photos
STEP = 32  # pixels; sides are multiples of it
SAME_ASPECT, MOST_PHOTOS = 0.05, 0.9  # aspects that differ by less are the same, and the share that must have it
STEPS_PER_EPOCH = 300 / 8  # of the 300 photos and batches of 8 that the recipes' epochs are meant for
STEPS_FROM_SCRATCH = 3600
MIN_EPOCHS, MAX_EPOCHS = 8, 300
MAX_WEIGHT = 5.0


class Facts(NamedTuple):
    """What is known of a published version.

    Attributes:
      dataset, version: Its name and number.
      data: Its folder.
      image_size: Of the version, see `schemas.image_size`.
      records: Of the train split.
      shares: Class to what it has of the train split, in the order of class ids.
    """

    dataset: str
    version: str
    data: str
    image_size: int | str
    records: int
    shares: Mapping[str, ClassShare]


class Choice(NamedTuple):
    """One setting and why; `key` has a dot where it is in a section."""

    key: str
    value: str | int | float | bool | dict[str, float] | None
    reason: str


def choose_size(photos: Sequence[Sides]) -> tuple[int | str, str]:
    """The size to prepare photos at, and why; it has the photos' aspect where nearly all share one.

    Args:
      photos: Sizes of a sample of the photos, in pixels; empty where none could be looked at.
    """
    if not photos:
        return USUAL_SIZE, "the usual size; no photo lies unpacked to be measured"
    middle = round(median(map(min, photos)))
    side = max((one for one in SIZES if one <= middle), default=SIZES[0])
    measured = f"the shorter side of {len(photos)} photos is {middle} pixels at the median"
    if middle < side:
        reason = f"{measured}; {side} is the least that is worth training on"
    elif middle >= FINER_FROM:
        reason = f"{measured}; --image_size={FINER_SIZE} gives finer masks, and takes twice as long"
    else:
        reason = f"{measured}; a larger size would only enlarge them"
    size, shape = _with_aspect(side, photos)
    return size, f"{reason}; {shape}"


def _with_aspect(side: int, photos: Sequence[Sides]) -> tuple[int | str, str]:
    """The size with that shorter side in the photos' own aspect, to the next multiple of 32; and why."""
    aspects = [one.width / one.height for one in photos]
    usual = median(aspects)
    alike = sum(abs(one / usual - 1) <= SAME_ASPECT for one in aspects)
    if alike < MOST_PHOTOS * len(photos):
        return side, "a square, since their shapes differ (`fit: letterbox` in dataset.yaml keeps them)"
    longer = STEP * round(side * max(usual, 1 / usual) / STEP)
    if longer == side:
        return side, "a square, as they are nearly"
    size = parse_image_size(f"{longer}x{side}" if usual > 1 else f"{side}x{longer}")
    return size, f"nearly all are {usual:.2f} times as wide as high"


def configure(facts: Facts, output: str, offline: bool, recipe: str = "fast") -> list[Choice]:
    """The settings for a version.

    Args:
      facts: What is known of it.
      output: Folder of everything that the pipeline writes.
      offline: Without ImageNet weights, which are downloaded.
      recipe: Of `trainer.recipes`; its epochs are scaled to the data.
    """
    chosen = RECIPES[recipe]
    name = facts.dataset.replace("_", "-")[:63]
    return [
        Choice("name", name, "a model is compared with the last good one of this name and output"),
        Choice("data", facts.data, f"{facts.records:,} photos to train on"),
        Choice("output", output, "where the model, its pages and its history go"),
        Choice("training.recipe", recipe, f"for {chosen.purpose}; trainer/README.md has its settings, and the others"),
        *_encoder(facts, offline, chosen.settings),
        *_length(facts, offline, chosen.settings),
        *_class_weights(facts.shares),
        Choice("training.seed", 0, "the same seed and data give the same model on a CPU"),
        Choice("evaluation.min_mean_iou", 0.0, "no floor yet: set one once you know what this data allows"),
        Choice("evaluation.max_mean_iou_drop", 0.02, "a later model that is worse by more does not replace this one"),
    ]


def configuration_yaml(facts: Facts, choices: Sequence[Choice]) -> str:
    """The file's text, with the reason behind each value as a comment."""
    lines = [
        f"# Written by tfx_pipeline.train for {facts.dataset} {facts.version}. Edit it: an edited file is kept.",
        "# Other settings: trainer/README.md and tfx_pipeline/README.md.",
    ]
    section = ""
    for choice in choices:
        new, _, key = choice.key.rpartition(".")
        if new != section:
            lines += ["", f"{new}:"]
            section = new
        lines.append(
            f"{'  ' if section else ''}{key}: {json.dumps(choice.value, ensure_ascii=False)}  # {choice.reason}"
        )
    return sealed("\n".join(lines) + "\n", "tfx_pipeline.train")


def _encoder(facts: Facts, offline: bool, settings: Mapping[str, Any]) -> list[Choice]:
    if offline:
        return [Choice("training.model", SMALL_UNET, "--offline: from scratch, in more steps, and never as good")]
    scale = 2 if min(sides(facts.image_size)) <= USUAL_SIZE else 1
    size = f"at {facts.image_size} pixels" + (", shown enlarged" if scale == 2 else "")
    reason = f"ImageNet weights know objects of 224-pixel photos; these are {size}"
    few = "few photos suffice; downloaded once (or --offline)"
    encoder = Choice("training.encoder_weights", "imagenet", few)
    if preset := settings.get("encoder"):
        encoder = Choice("training.encoder", preset, f"the recipe's, whose own weights are taken: {few}")
    return [encoder, Choice("training.encoder_scale", scale, reason + _unlike_recipe(settings, "encoder_scale", scale))]


def _unlike_recipe(settings: Mapping[str, Any], key: str, value: int) -> str:
    """What a reason ends with where the recipe states another value."""
    return "" if settings.get(key, value) == value else f"; the recipe alone would take {settings[key]}"


def _length(facts: Facts, offline: bool, settings: Mapping[str, Any]) -> list[Choice]:
    """Batch size, epochs and rates."""
    batch = batch_size(facts.records)
    per_epoch = max(1, facts.records // batch)
    frozen, free = settings["epochs"], settings["fine_tune_epochs"]
    wanted = STEPS_FROM_SCRATCH if offline else 10 * round(STEPS_PER_EPOCH * (frozen + free) / 10)
    epochs = min(MAX_EPOCHS, max(MIN_EPOCHS, math.ceil(wanted / per_epoch)))
    steps = f"{per_epoch:,} steps each, {epochs * per_epoch:,} in all; about {wanted:,} are enough"
    looks = max(1, epochs // 8)
    unlike = _unlike_recipe(settings, "batch_size", batch)
    batches = Choice("training.batch_size", batch, f"of {facts.records:,} photos{unlike}")
    evaluations = Choice("training.evaluate_every", looks, "epochs between two looks at the eval split")
    if offline:
        return [
            batches,
            Choice("training.epochs", epochs, steps),
            Choice("training.learning_rate", 0.01, "as the demo, which trains from scratch"),
            evaluations,
        ]
    first = max(2, round(epochs * frozen / (frozen + free)))
    return [
        batches,
        Choice("training.epochs", first, f"of the decoder alone; {steps}"),
        Choice("training.fine_tune_epochs", epochs - first, "of the whole network"),
        evaluations,
    ]


def batch_size(records: int) -> int:
    """Photos in a batch: fewer where there are few, so that an epoch has several steps; more where there are many."""
    usual = 16 if records > 4000 else 8 if records >= 32 else 4
    return max(1, min(usual, records))


def _class_weights(shares: Mapping[str, ClassShare]) -> list[Choice]:
    rare = {name: share for name, share in shares.items() if 0 < share.pixels < RARE_SHARE}
    if not rare:
        return []
    middle = median(share.pixels for share in shares.values() if share.pixels > 0)
    weights = {name: _weight(share.pixels, middle) for name, share in shares.items()}
    listed = ", ".join(f"{name} {share.pixels:.2%} in {share.photos:,} photos" for name, share in rare.items())
    reason = f"root of median/share, at most {MAX_WEIGHT:g}; below {RARE_SHARE:.0%} of the pixels: {listed}"
    return [Choice("training.class_weights", {name: one for name, one in weights.items() if one > 1}, reason)]


def _weight(share: float, middle: float) -> float:
    """Above 1 for what is rarer than the median class, never below 1; 1 for a class that no photo shows."""
    return round(min(MAX_WEIGHT, max(1.0, math.sqrt(middle / share))), 2) if share > 0 else 1.0
