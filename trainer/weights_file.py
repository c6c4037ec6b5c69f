"""Whether an encoder can start from what `encoder_weights` names: read from the file's header, without TensorFlow.

Building the model has the last word; this check gives the same answer hours earlier. Keras names weights by layer class
and number, in two file formats (`*.weights.h5`, and `*.h5` of Keras 2), so an encoder is identified by its shapes.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

from trainer.config import TrainingConfig

Shapes = Counter[tuple[int, ...]]

PRESET_CONFIG, PRESET_WEIGHTS = "config.json", "model.weights.h5"  # of a folder that KerasHub wrote
KERAS_3, SUFFIXES = ".weights.h5", (".h5", ".hdf5")
DOWNLOADED = {
    "unet": ("imagenet",),
    "deeplabv3plus": ("imagenet",),
    "segformer": ("ade20k", "cityscapes"),
    "small_unet": (),
}
MOBILENET_WEIGHTS = 260  # 52 convolutions, each with a normalization of four; other encoders have other numbers
# Width to the channels around MobileNetV2's last convolution, 1x1: no two widths have the same.
MOBILENET_LAST = {
    0.35: (112, 1280),
    0.5: (160, 1280),
    0.75: (240, 1280),
    1.0: (320, 1280),
    1.3: (416, 1664),
    1.4: (448, 1792),
}
MIX_TRANSFORMERS = {  # size to channels and blocks of its stages
    "b0": ((32, 64, 160, 256), (2, 2, 2, 2)),
    "b1": ((64, 128, 320, 512), (2, 2, 2, 2)),
    "b2": ((64, 128, 320, 512), (3, 4, 6, 3)),
}


def weights_problem(config: TrainingConfig, is_here: bool = True) -> str | None:
    """Why the encoder cannot start from its weights, with the remedy; None if it can, or if that cannot be known here.

    Args:
      config: `model` and what its encoder is made from.
      is_here: Whether the training sees this machine's files; on other machines a file may exist that is missing here.
    """
    if config.encoder:
        return _preset_problem(config.encoder, is_here)
    if not config.encoder_is_pretrained or config.encoder_weights in DOWNLOADED[config.model]:
        return None
    name, path = config.encoder_weights, Path(config.encoder_weights)
    choices = ", ".join(("none", *DOWNLOADED[config.model]))
    if "://" in name or path.suffix not in SUFFIXES or (is_here and not path.is_file()):
        return f"encoder_weights: no file {name!r}; {config.model} takes {choices} or the path of a {KERAS_3} file"
    if not path.is_file():
        return None
    try:
        shapes = _shapes(path, path.stat().st_mtime_ns)
    except OSError as error:
        return f"encoder_weights: {name!r} cannot be read as HDF5 ({error}); give a {KERAS_3} file that Keras has saved"
    misfit = _segformer_misfit if config.model == "segformer" else _mobilenet_misfit
    return (reason := misfit(config, shapes)) and f"encoder_weights: {name!r} {reason}"


def weights_files(source: str) -> tuple[str, ...]:
    """Lists the files that an encoder is made from, in order.

    Args:
      source: File, or folder of a preset, here or in a bucket.

    Returns:
      Paths; empty if the source is a name of what is downloaded, or `none`.
    """
    import tensorflow as tf

    gfile = tf.io.gfile
    scheme, separator, _ = source.partition("://")
    if (separator and scheme not in gfile.get_registered_schemes()) or not gfile.exists(source):
        return ()
    if not gfile.isdir(source):
        return (source,)
    paths = (f"{source}/{name}" for name in sorted(gfile.listdir(source)))
    return tuple(path for path in paths if not gfile.isdir(path))


def _preset_problem(preset: str, is_here: bool) -> str | None:
    """Why a KerasHub preset cannot be loaded, as far as its folder shows."""
    folder = Path(preset)
    if "://" in preset:
        return None
    if folder.is_dir():
        if missing := [name for name in (PRESET_CONFIG, PRESET_WEIGHTS) if not (folder / name).is_file()]:
            return f"encoder: the folder {preset!r} has no {' and no '.join(missing)}; give what `save_to_preset` wrote"
        return None
    if is_here and ("/" in preset or folder.exists()):  # else a name that KerasHub knows
        return f"encoder: no folder {preset!r}; give a folder of `save_to_preset`, hf://OWNER/NAME or kaggle://..."
    return None


@cache  # a search calls this for each of its combinations
def _shapes(path: Path, mtime_ns: int) -> Shapes:
    """How many weights of each shape a file holds; `mtime_ns` makes the cache notice a changed file."""
    import h5py  # Keras brings it; a tenth of a second

    shapes: Shapes = Counter()

    def count(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            shapes[item.shape] += 1

    with h5py.File(path, "r") as file:
        file.visititems(count)
    return shapes


def _mobilenet_misfit(config: TrainingConfig, shapes: Shapes) -> str | None:
    found = [width for width, (before, after) in MOBILENET_LAST.items() if shapes[(1, 1, before, after)]]
    classifier = any(len(shape) == 2 for shape in shapes)  # the only dense layer
    if not found or shapes.total() != MOBILENET_WEIGHTS + (2 if classifier else 0):
        return f"does not hold weights of MobileNetV2, which {config.model} starts from"
    if classifier:
        return "also holds a classifier; give a file without it (`include_top=False`, *_no_top)"
    if config.encoder_width not in found:
        return f"has encoder_width {found[0]}, not {config.encoder_width}; change one of the two"
    return None


def _segformer_misfit(config: TrainingConfig, shapes: Shapes) -> str | None:
    found = [size for size, stages in MIX_TRANSFORMERS.items() if _holds(shapes, *stages)]
    if not found:
        return "does not hold weights of a Mix Transformer, which segformer starts from"
    if config.segformer_size not in found:
        return f"has segformer_size {found[0]}, not {config.segformer_size}; change one of the two"
    return None


def _holds(shapes: Shapes, channels: tuple[int, ...], blocks: tuple[int, ...]) -> bool:
    """Whether there is one widening layer, C to 4 C, for each block."""
    return all(shapes[(width, 4 * width)] == count for width, count in zip(channels, blocks))
