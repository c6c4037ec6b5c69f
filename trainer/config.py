"""The settings of a training run: typed, validated on construction, immutable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, field_validator, model_validator

from schemas.errors import UserError
from schemas.fitting import LETTERBOX, STRETCH, Fit
from schemas.frozen_model import FrozenModel
from schemas.image_size import sides
from trainer.recipes import RECIPES

NO_WEIGHTS = "none"
MODELS = (
    "deeplabv3plus",
    "preset",
    "segformer",
    "small_unet",
    "unet",
)  # the registry's; `trainer.models` has their builders
SMALL_UNET = "small_unet"
PRESET = "preset"
# What it takes where nothing else is set, in place of a recipe's: it has an encoder of its own, without weights.
SMALL_UNET_DEFAULTS = {
    "encoder": "",
    "encoder_weights": NO_WEIGHTS,
    "encoder_scale": 1,
    "drop_path": None,
    "decoder_filters": 8,
    "fine_tune_epochs": 0,
}
Scale = Annotated[float, Field(ge=0.25, le=4)]
ACCELERATORS = "CONFIGURED_ACCELERATORS"  # environment variable: how many GPUs each machine of a training job must have


class TrainingConfig(FrozenModel):
    """Settings of one training run.

    Attributes:
      recipe: Name of ready settings in `trainer.recipes`, `fast`, `good` or `best`, which hold where nothing else is
        set; empty for the defaults below.
      model: Name in the registry of `trainer.models`: `unet`, `deeplabv3plus`, `segformer`, `preset`, the whole
        segmentation network of KerasHub that `encoder` names, with our classes in place of its own, or `small_unet`,
        which starts from scratch and trains fastest on a CPU.
      encoder: A KerasHub preset in place of the model's own encoder: a folder that `save_to_preset` wrote, `gs://` too,
        `hf://OWNER/NAME` (KerasHub's, or timm's such as `hf://timm/tf_efficientnet_lite0.in1k`), `kaggle://...` or a
        name that KerasHub knows. Its backbone must offer features of several scales, as EfficientNet, ResNet, CSPNet,
        DenseNet and Mix Transformers do. Empty for MobileNetV2, or SegFormer's Mix Transformer.
      encoder_width: MobileNetV2's width multiplier (`unet` and `deeplabv3plus` without `encoder`).
      segformer_size: Size of SegFormer's encoder (without `encoder`).
      encoder_weights: `none` trains the encoder from scratch; `imagenet` lets Keras download MobileNetV2's weights,
        `ade20k` or `cityscapes` let KerasHub download SegFormer's; anything else is the path of a weights file (Keras'
        `*_no_top` file for the same width, or what `save_weights` wrote of KerasHub's `MiTBackbone`). With `encoder`,
        `none` builds the preset's network without its weights, and the default takes them.
      drop_path: Stochastic depth: how often the encoder's deepest block is skipped in a training step, shallower ones
        less; of Mix Transformers and EfficientNets. Left out, as the backbone's own configuration says.
      encoder_scale: The encoder sees the image enlarged by this factor. 2 gives 128-pixel images the object size that
        ImageNet weights know, and features at full resolution; it costs four times the encoder's time. With 1, features
        end at half the image's sides or less, and logits are enlarged.
      decoder_filters: Channels of the decoder's finest block; coarser blocks have up to four times as many. In the
        small U-Net, of the finest block of both sides; the coarsest has sixteen times as many.
      epochs: Epochs of the first phase: the decoder alone where the encoder has weights, else everything.
      fine_tune_epochs: Epochs of the second phase, which also trains an encoder that came with weights.
      learning_rate: Peak of the first phase: linear warm-up, then cosine decay to zero.
      fine_tune_learning_rate: Peak of the second phase.
      encoder_learning_rate_factor: Learning rate of an encoder that came with weights, as a share of the decoder's:
        below 1, they change less than weights that started at random.
      weight_decay: AdamW's decoupled weight decay.
      ema_decay: Evaluates, keeps and exports an exponential moving average of the weights, over about
        1 / (1 - ema_decay) steps: 0.99 averages a hundred. 0 takes the weights of the last step.
      loss: `cross_entropy` alone, or with the soft IoU (`cross_entropy_iou`) or soft Dice (`cross_entropy_dice`) of the
        batch, which weigh thin and rare classes like large ones.
      class_weights: Factors of classes in the cross-entropy, by class name; 1 where left out. A pipeline's
        configuration may give titles too.
      oversample: Repeats photos of rare classes in each epoch: a photo with a class that a smaller share f of the
        training photos shows comes sqrt(oversample / f) times (repeat factor sampling, see `trainer.sampling`). 0
        repeats none.
      focal_gamma: Exponent of the focal loss, in place of the cross-entropy: pixels that are right already count less;
        2 is the paper's. 0 for cross-entropy.
      hard_pixels: Share of a batch's labelled pixels that count in the cross-entropy: those with the largest loss
        (online hard example mining).
      label_smoothing: Share of a pixel's label that comes from the 3x3 pixels around it, in the cross-entropy: labels
        soften along borders between classes, where masks are uncertain, and nowhere else.
      crop_size: Side in pixels of random crops to train on, for a version at original sizes or for large images; such
        a model predicts images of any size, at that size, by overlapping tiles. 0 trains on whole images.
      augment: Random flips, crops, rotations and colours.
      cache: Keeps decoded images in memory after the first epoch: 4 bytes per pixel.
      average_mirrored: The exported model averages its logits over the photo and its mirror image: better by about
        0.006 mean IoU on pets, at twice the time per photo. The figures of the epochs are without it.
      average_scales: The exported model also averages its logits over the photo at these multiples of the model's size,
        each rounded to a size that the encoder takes. A photo takes as much longer as all their pixels say: 3.25 times
        as long with `[1.5]`. Memory grows with the largest. The figures of the epochs are without it.
      export_tflite: Also exports TFLite models for the demo app, and fails if they predict something else.
      evaluate_every: Epochs between two evaluations; the last epoch of a phase always has one.
      keep: Which weights a phase ends with: `last` of its last step, or `best` of its evaluation with the best mean
        IoU, the earlier of two equal ones. With `best`, the evaluation split selects the model, so its metrics are
        slightly optimistic.
      early_stopping: Ends a phase after this many evaluations without a better mean IoU, and keeps the best; 0 never
        does.
      precision: Type that layers compute in; weights stay float32. `mixed_bfloat16` suits TPUs and recent GPUs,
        `mixed_float16` other GPUs; both are slow on a CPU.
      distribution: `auto` uses the workers that TF_CONFIG names, else all GPUs of the machine, else one device;
        `single`, `mirrored` and `multi_worker` require theirs. `batch_size` is that of all replicas together.
      checkpoint_steps: Steps between two checkpoints, which a killed run resumes from; 0 writes none.
      seed: Seed of weights, shuffling and augmentation.
    """

    recipe: str = ""
    model: str = "unet"
    encoder: str = Field(default="", max_length=1024)
    # Pydantic takes floats too, which PEP 586 leaves out of Literal.
    encoder_width: Literal[0.35, 0.5, 0.75, 1.0, 1.3, 1.4] = 0.35  # pyright: ignore[reportInvalidTypeForm]
    segformer_size: Literal["b0", "b1", "b2"] = "b0"
    encoder_weights: str = Field(default="imagenet", min_length=1)
    drop_path: float | None = Field(default=None, ge=0, lt=1)
    encoder_scale: Literal[1, 2] = 2
    decoder_filters: int = Field(default=32, ge=8, le=256)
    epochs: int = Field(default=12, ge=1, le=100_000)
    fine_tune_epochs: int = Field(default=40, ge=0, le=100_000)
    batch_size: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    fine_tune_learning_rate: float = Field(default=4e-4, gt=0, le=1)
    encoder_learning_rate_factor: float = Field(default=1.0, gt=0, le=1)
    weight_decay: float = Field(default=1e-4, ge=0, le=1)
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    loss: Literal["cross_entropy", "cross_entropy_iou", "cross_entropy_dice"] = "cross_entropy_iou"
    class_weights: dict[str, PositiveFloat] = Field(default_factory=dict)
    oversample: float = Field(default=0.0, ge=0, le=1)
    focal_gamma: float = Field(default=0.0, ge=0, le=5)
    hard_pixels: float = Field(default=1.0, gt=0, le=1)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    crop_size: int = Field(default=0, ge=0, le=4096, multiple_of=32)
    augment: bool = True
    cache: bool = False
    average_mirrored: bool = False
    average_scales: tuple[Scale, ...] = Field(default=(), max_length=4)
    export_tflite: bool = True
    evaluate_every: int = Field(default=1, ge=1)
    keep: Literal["last", "best"] = "last"
    early_stopping: int = Field(default=0, ge=0)
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    distribution: Literal["auto", "single", "mirrored", "multi_worker"] = "auto"
    checkpoint_steps: int = Field(default=200, ge=0)
    seed: int = Field(default=0, ge=0, lt=2**31)

    @model_validator(mode="before")
    @classmethod
    def _start_from_the_recipe(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("recipe")
        defaults = RECIPES[name].settings if isinstance(name, str) and name in RECIPES else {}
        if {**defaults, **values}.get("model") == SMALL_UNET:
            defaults = {**defaults, **SMALL_UNET_DEFAULTS}
        return {**defaults, **values}

    @field_validator("recipe")
    @classmethod
    def _known_recipe(cls, recipe: str) -> str:
        if recipe and recipe not in RECIPES:
            raise ValueError(f"no recipe {recipe!r}; there are: {', '.join(RECIPES)}")
        return recipe

    @field_validator("model")
    @classmethod
    def _known_model(cls, model: str) -> str:
        if model not in MODELS:
            raise ValueError(f"no model {model!r}; there are: {', '.join(MODELS)}")
        return model

    @field_validator("class_weights", mode="before")
    @classmethod
    def _by_name(cls, class_weights: Any) -> Any:
        if isinstance(class_weights, (list, tuple)):
            raise ValueError("give them by class name, such as {fence: 3}; the other classes have 1")
        return class_weights

    def class_factors(self, class_names: Sequence[str]) -> tuple[float, ...] | None:
        """The factor of each class in the order of class ids; None where none differs."""
        return tuple(self.class_weights.get(name, 1.0) for name in class_names) if self.class_weights else None

    @property
    def encoder_is_pretrained(self) -> bool:
        """Whether the encoder starts from weights, so that it is frozen at first."""
        return self.encoder_weights != NO_WEIGHTS

    @property
    def keeps_best(self) -> bool:
        """Whether a phase ends with the weights of its best evaluation."""
        return self.keep == "best" or self.early_stopping > 0

    @property
    def weights_source(self) -> str:
        """Name, path or URI of the encoder's weights; `none` if it has none."""
        return self.encoder if self.encoder and self.encoder_is_pretrained else self.encoder_weights

    def model_size(self, image_size: int | str, fit: Fit = STRETCH) -> int | str:
        """The size that the model takes, see `schemas.image_size`; given are the data set version's size and fit.

        Raises:
          UserError: Images at their original sizes, or smaller than the crops, or crops of letterboxed images.
        """
        if self.crop_size and fit == LETTERBOX:
            raise UserError(
                f"training.crop_size {self.crop_size}: a crop model takes photos at their own size and aspect, and this"
                " version letterboxed them; leave crop_size out, or publish one with --image_size=0 --fit=stretch"
            )
        if not self.crop_size and not image_size:
            raise UserError(
                "this version keeps the original sizes (image_size 0): set `training.crop_size`, such as 256, or "
                "publish one with an --image_size"
            )
        if image_size and self.crop_size > min(sides(image_size)):
            raise UserError(f"training.crop_size {self.crop_size} is more than the version's image_size {image_size}")
        return self.crop_size or image_size

    @model_validator(mode="after")
    def _a_preset_has_its_own_weights(self) -> TrainingConfig:
        default = type(self).model_fields["encoder_weights"].default
        if self.encoder and self.encoder_weights not in (NO_WEIGHTS, default):
            raise ValueError(
                "encoder_weights: a preset brings its own; leave it out, or give none to start from scratch"
            )
        return self

    @model_validator(mode="after")
    def _a_whole_preset_is_named(self) -> TrainingConfig:
        if self.model == PRESET and not self.encoder:
            raise ValueError(f"encoder: model {PRESET} needs the name or folder of a KerasHub segmentation network")
        return self

    @model_validator(mode="after")
    def _the_small_unet_has_its_own_encoder(self) -> TrainingConfig:
        if self.model != SMALL_UNET:
            return self
        if self.encoder:
            raise ValueError(f"encoder: {SMALL_UNET} has its own; leave it out, or take unet")
        if self.encoder_is_pretrained:
            raise ValueError(f"encoder_weights: there are none for {SMALL_UNET}; leave it out, or take unet")
        if self.encoder_scale != 1:
            raise ValueError(f"encoder_scale: {SMALL_UNET} sees images at their size; leave it out, or take unet")
        return self

    @model_validator(mode="after")
    def _mobilenet_has_no_stochastic_depth(self) -> TrainingConfig:
        if self.drop_path is not None and not self.encoder and self.model != "segformer":
            raise ValueError("drop_path: this encoder has no stochastic depth; leave it out, or name a preset's")
        return self

    @model_validator(mode="after")
    def _fine_tuning_needs_weights(self) -> TrainingConfig:
        if self.fine_tune_epochs and not self.encoder_is_pretrained:
            raise ValueError("fine_tune_epochs must be 0 with encoder_weights none, which trains the encoder at once")
        return self
