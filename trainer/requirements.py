"""What training requires of its data and machines, checked before anything starts and without TensorFlow.

Each problem is one line: the setting, its value, the bound, and what to do.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from schemas.bounded_text import enumerated
from schemas.errors import UserError
from schemas.fitting import STRETCH, Fit
from schemas.image_size import parse_image_size, scaled, sides
from trainer.config import PRESET, SMALL_UNET, TrainingConfig
from trainer.tuning import Range, TuningConfig, chosen_training, named
from trainer.weights_file import weights_problem

MODEL_FIELDS = ("model", "encoder_width", "segformer_size", "encoder_scale")  # whether a model can be built
STRIDE = 32  # of every encoder's deepest output: MobileNetV2's, the Mix Transformer's and the presets'


@dataclass(frozen=True)
class Surroundings:
    """The data and machines of a training run.

    Attributes:
      image_size: Of the data set version; 0 where images keep their sizes.
      class_names: In the order of class ids; None where they are not known.
      train_records: Of the version's train split.
      replicas: Devices that share a batch.
      fit: Of the data set version, see `schemas.fitting`.
    """

    image_size: int | str
    class_names: Sequence[str] | None
    train_records: int
    replicas: int = 1
    fit: Fit = STRETCH


def training_problems(config: TrainingConfig, surroundings: Surroundings) -> Iterator[str]:
    """Yields one line for each problem that would stop the training or make it train something unintended."""
    records, replicas, classes = surroundings.train_records, surroundings.replicas, surroundings.class_names
    if classes is not None and (unknown := [name for name in config.class_weights if name not in classes]):
        yield f"class_weights: no class {enumerated(unknown)}; there are {enumerated(classes, most=20)}"
    if config.batch_size > records:
        yield f"batch_size {config.batch_size} is more than the {records} training records; lower it"
    try:
        model_size = config.model_size(surroundings.image_size, surroundings.fit)
    except UserError as error:
        yield str(error)
        return
    if problem := size_problem(config, model_size) or scales_problem(config, model_size):
        yield problem
    elif config.batch_size % replicas:
        yield f"batch_size {config.batch_size} cannot be shared by {replicas} replicas; make it a multiple"
    elif config.batch_size // replicas * _smallest_map(config, model_size) < 2:
        share = " on each replica" if replicas > 1 else ""
        yield (
            f"batch_size {config.batch_size}: {config.model} normalizes over the images of a batch where its features "
            f"are 1x1, and one image{share} leaves nothing to train there; give at least {2 * replicas}"
        )


def check_training(config: TrainingConfig, surroundings: Surroundings) -> None:
    """Raises a UserError that lists all `training_problems`."""
    if problems := list(training_problems(config, surroundings)):
        raise UserError("\n".join(problems))


def search_problems(
    tuning: TuningConfig,
    training: TrainingConfig,
    surroundings: Surroundings,
    weights_are_here: bool = True,
    trials: bool = True,
) -> Iterator[str]:
    """The same for a search: one line for each problem, with the first values that have it.

    Args:
      tuning, training: The search and the training that takes the winner's values.
      surroundings: Data and machines of its training runs.
      weights_are_here: See `weights_problem`.
      trials: Whether to check the trials, or the final training with any of the values.
    """
    found: set[str] = set()
    searched = [name for name in (*MODEL_FIELDS, "batch_size") if name in tuning.search]
    for values, config in candidates(tuning, tuning.trial_training(training) if trials else training, searched):
        weights = weights_problem(config, weights_are_here)
        for problem in (*training_problems(config, surroundings), *([weights] if weights else [])):
            if problem not in found:
                found.add(problem)
                yield f"tuning.search: {named(values)}: {problem}" if values else f"training: {problem}"
    space, replicas = tuning.search.get("batch_size"), surroundings.replicas
    if isinstance(space, Range) and (space.step or 1) % replicas:
        remedy = f"give a range with step {replicas}, or a list"
        yield f"tuning.search: batch_size: {replicas} replicas share a batch; {remedy}"


def candidates(
    tuning: TuningConfig, training: TrainingConfig, searched: Sequence[str]
) -> Iterator[tuple[dict[str, Any], TrainingConfig]]:
    """Every combination of these settings' candidate values, with the training that it gives."""
    for values in itertools.product(*map(tuning.candidates, searched)):
        changed = dict(zip(searched, values))
        yield changed, chosen_training(training, changed)


def size_problem(config: TrainingConfig, model_size: int | str) -> str | None:
    """Why the encoder cannot take images of this size, and which sizes fit; None if it can."""
    seen = sides(scaled(model_size, config.encoder_scale))
    if config.model == "segformer" and not config.encoder and seen.height != seen.width:
        return f"image_size {model_size}: segformer's own encoder takes squares only; take unet, or set an encoder"
    # KerasHub's attention needs more than one place.
    attends = config.model == PRESET or (config.model == "segformer" and not config.encoder)
    least = 2 * STRIDE if attends else STRIDE
    if all(one % STRIDE == 0 and one >= least for one in seen):
        return None
    bound = f"a multiple of {STRIDE}" + (f", at least {least}," if least > STRIDE else "")
    return f"image_size {model_size} x encoder_scale {config.encoder_scale} must be {bound} for model {config.model}"


def sizes_at_scales(config: TrainingConfig, model_size: int | str) -> tuple[int | str, ...]:
    """The sizes of `average_scales`: the model's, times each, rounded to what the encoder takes; see `size_problem`."""
    step = STRIDE // config.encoder_scale

    def rounded(side: int, scale: float) -> int:
        return step * max(1, round(side * scale / step))

    height, width = sides(model_size)
    return tuple(parse_image_size(f"{rounded(width, one)}x{rounded(height, one)}") for one in config.average_scales)


def scales_problem(config: TrainingConfig, model_size: int | str) -> str | None:
    """Why an answer cannot be averaged over these sizes; None if it can."""
    seen = [model_size]
    for scale, size in zip(config.average_scales, sizes_at_scales(config, model_size)):
        if size in seen:
            return f"average_scales: {scale:g} of image_size {model_size} is {size}, once more; leave it out"
        if size_problem(config, size):
            return f"average_scales: {scale:g} of image_size {model_size} is {size}, too small for model {config.model}"
        seen.append(size)
    return None


def _smallest_map(config: TrainingConfig, model_size: int | str) -> int:
    """Pixels of the smallest features that a batch normalization sees while it trains.

    A pretrained encoder keeps its statistics. Normalizing a single value always gives zero.
    """
    deepest = sides(scaled(model_size, config.encoder_scale)).pixels // STRIDE**2
    if config.model == "deeplabv3plus":
        return 1  # the pyramid's mean over the whole image
    if config.model == "segformer":
        return 8**2 * deepest  # the decoder's; the encoder normalizes over channels
    if config.model == PRESET and not config.encoder_is_pretrained:
        return 1  # DeepLabV3's pyramid has the mean over the whole image
    if config.model == SMALL_UNET:
        return 2**2 * deepest  # it ends at 1/16
    return 2**2 * deepest if config.encoder_is_pretrained else deepest
