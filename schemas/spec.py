"""What differs between data sets: files, classes, mask values and slices, as stated in `dataset.yaml`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.archive_spec import ArchiveSpec
from schemas.class_checks import check_annotations, check_ignored, check_mask_values, check_names, check_number
from schemas.class_spec import Category, ClassName, ClassSpec, MaskColor, MaskSpec, MaskValue
from schemas.feature_checks import check_limits, check_slices
from schemas.features import IGNORE_ID, SPLITS, fraction_feature, number_features
from schemas.fitting import Fit
from schemas.frozen_model import FrozenModel
from schemas.group_spec import GroupSpec
from schemas.image_ids import shown_name
from schemas.lines import Line
from schemas.merge_spec import ANY_ID, Source, check_sources, mapped_names, split_id
from schemas.path_pattern import PathPattern, check_mask_pattern, check_path_pattern
from schemas.photo_range import PhotoSpec
from schemas.shorthand import IGNORE, expand
from schemas.slice_spec import SliceSpec
from schemas.statistics_rule import StatisticsRule, Threshold
from schemas.table_spec import ListPath, PairSpec, WeightSpec, check_listed_path

SourcePath = Annotated[str, AfterValidator(check_path_pattern)]
SourceName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
MaskPath = Annotated[str, AfterValidator(check_mask_pattern)]


class MergedSource(FrozenModel):
    """One of the data sets that another one is made of.

    Attributes:
      input: Its folder, below that of the merged data set.
      dataset: What its own `dataset.yaml` says.
      classes: Its classes to those of the merged data set, or to `ignore`; without those that have the same name there.
    """

    input: Line
    dataset: DatasetSpec
    classes: dict[ClassName, str] = Field(default_factory=dict)

    @field_validator("input")
    @classmethod
    def _stays_below(cls, folder: str) -> str:
        return check_listed_path(folder.rstrip("/"))

    @field_validator("classes", mode="before")
    @classmethod
    def _as_written(cls, classes: object) -> object:
        return mapped_names(classes)

    @model_validator(mode="after")
    def _of_one_data_set(self) -> MergedSource:
        if self.dataset.merge is not None:
            raise ValueError(f"dataset: {self.dataset.name} is merged itself; name the data sets that it is made of")
        if unknown := [name for name in self.classes if name not in self.dataset.class_names]:
            known = ", ".join(self.dataset.class_names)
            raise ValueError(f"classes: {self.dataset.name} has no {', '.join(unknown)}; it has {known}")
        return self

    def targets(self, names: tuple[str, ...]) -> tuple[int | None, ...]:
        """Class id of this data set to that of the merged one, or to IGNORE_ID; None where nothing says it.

        Args:
          names: Classes of the merged data set.
        """
        ids = {name: class_id for class_id, name in enumerate(names)} | {IGNORE: IGNORE_ID}
        return tuple(ids.get(self.classes.get(name, name)) for name in self.dataset.class_names)

    @property
    def ignores_pixels(self) -> bool:
        """Whether masks can have pixels of no class."""
        return self.dataset.ignores_pixels or IGNORE in self.classes.values()


class DatasetSpec(FrozenModel):
    """Everything the jobs, the trainer and the pipeline need to know about one data set.

    Attributes:
      name: Of the folder that versions are published in, and, if the data set ships, of its folder under `schemas/`.
      title, license, source, citation: For people, in reports and model cards. `source` is the address of the data
        set, or how it is made. `schemas.origin` can replace them for one version.
      drawn: Whether `tests.sample_data` drew the photos.
      image_path, mask_path: Where files lie under the input root (`schemas.path_pattern`). Without `mask_path`, the
        annotations of all photos lie in `masks.annotations`.
      pairs: The table that says which mask each photo has; None where they have the same id.
      archives: The files that it is published as; they may lie under the input root instead of photos and masks.
      official_splits: Split name to the list file that names its ids (first word of each line; `#` comments).
      split: How records are split where the job's options do not say.
      fit: How photos are fitted into the size of the records where the job's options do not say; None: stretched.
      group: Which photos belong together, and so to one split.
      weights: How much each photo counts in training; None where all count alike. Evaluation ignores it.
      photos: How photos are read, where their samples have 16 bits; None: by the upper byte.
      unmasked: `leave_out` where photos without a mask are no fault: they are counted, but not rejected.
      masks: How masks are read, where their values are not exactly those of the classes.
      classes: In the order of their class ids.
      ignore_values, ignore_colors: Of pixels without a class, such as void; IGNORE_ID in the records' masks.
      ignore_categories: Likewise, in annotations.
      max_ignored_fraction: A record with a larger share of ignored pixels withholds the version.
      merge: Name to each data set that this one is made of: ids begin with the name. Values of masks are then class
        ids, and all that is said of files is said by the data sets themselves.
      slices: Each can refer to earlier ones.
      rules: Limits on the statistics of each split that a schema cannot express.
      thresholds: By slice, number or `numbers`: how much splits and versions may differ.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: Line
    license: Line
    source: Line
    citation: Line | None = None
    drawn: bool = False
    image_path: SourcePath
    mask_path: MaskPath | None = None
    pairs: PairSpec | None = None  # None is not written, so that older versions keep their bytes
    archives: tuple[ArchiveSpec, ...] = ()
    official_splits: dict[str, ListPath] = Field(default_factory=dict)
    split: Literal["official", "hash"] = "hash"
    fit: Fit | None = None  # not written either
    group: GroupSpec | None = None
    weights: WeightSpec | None = None
    unmasked: Literal["leave_out"] | None = None  # not written either
    photos: PhotoSpec | None = None  # not written either
    masks: MaskSpec = MaskSpec()
    classes: tuple[ClassSpec, ...] = Field(max_length=255)
    ignore_values: tuple[MaskValue, ...] = ()
    ignore_colors: tuple[MaskColor, ...] = ()
    ignore_categories: tuple[Category, ...] | None = None
    max_ignored_fraction: float = Field(default=1.0, gt=0, le=1)
    merge: dict[SourceName, MergedSource] | None = None  # None is not written, as above
    slices: tuple[SliceSpec, ...] = ()
    rules: tuple[StatisticsRule, ...] = ()
    thresholds: dict[str, Threshold] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _in_full(cls, values: Any) -> Any:
        return expand(values)

    @model_validator(mode="after")
    def _consistent(self) -> DatasetSpec:
        check_number(self.classes)
        check_mask_values(self.classes, self.masks, self.ignore_values, self.ignore_colors)
        check_annotations(self.classes, self.masks, self.image_path, self.mask_path, self.ignore_categories)
        if self.pairs is not None and self.masks.format is not None:
            raise ValueError(f"pairs: masks: {{format: {self.masks.format}}} says itself what belongs to a photo")
        if self.ignores_pixels:
            check_ignored(self.classes, self.ignore_values, self.ignore_colors)
        self._check_merge()
        check_names(self.classes)
        if unknown := set(self.official_splits) - set(SPLITS):
            raise ValueError(f"official_splits: no such split {sorted(unknown)}; splits are {list(SPLITS)}")
        if self.group is not None:
            self.group.check_path(self.image_path)
        check_slices(self.slices, self.names_groups, self.has_weights)
        check_limits(self.rules, self.thresholds, self.slice_names, self.number_features)
        if self.split == "official" and not self.has_official_split:
            raise ValueError("split: official needs official_splits, or {split:train|val} in image_path")
        return self

    def _check_merge(self) -> None:
        if self.merge is None:
            return
        said = (self.official_splits, self.archives, self.group, self.weights, self.unmasked, self.ignore_values)
        if any(said) or (self.image_path, self.mask_path, self.pairs, self.masks) != (ANY_ID, ANY_ID, None, MaskSpec()):
            raise ValueError(
                "merge: paths, masks, lists, groups and weights belong to the data sets that are merged, not here"
            )
        if any(one.mask_values != (class_id,) for class_id, one in enumerate(self.classes)):
            raise ValueError("classes: of a merged data set are names alone, as in classes: [road, sky]")
        sources = {
            name: Source(one.dataset.class_names, one.targets(self.class_names), one.dataset.photo_range)
            for name, one in self.merge.items()
        }
        check_sources(sources, self.class_names, self.photo_range)

    @property
    def has_official_split(self) -> bool:
        """Whether lists, folders or the names of annotations say which split a photo belongs to."""
        return bool(self.official_names)

    @property
    def official_names(self) -> frozenset[str]:
        """The splits that lists, folders or the names of annotations say."""
        patterns = (PathPattern(self.image_path), PathPattern(self.masks.annotations or ""))
        merged = (name for one in self._merged() if one.split == "official" for name in one.official_names)
        return frozenset((*self.official_splits, *(name for one in patterns for name in one.splits.values()), *merged))

    @property
    def hashes_some(self) -> bool:
        """Whether a hash decides the splits of some records where `split` is official: of data sets without lists."""
        return any(one.split == "hash" for one in self._merged())

    def _merged(self) -> tuple[DatasetSpec, ...]:
        return tuple(one.dataset for one in (self.merge or {}).values())

    def reading_of(self, image_id: str) -> DatasetSpec:
        """What says how the mask of a photo is read: the data set that it is from, of a merged one; else this."""
        return self if self.merge is None else self.merge[split_id(image_id)[0]].dataset

    @property
    def photo_range(self) -> tuple[int, int] | None:
        """The samples of 16 bits that become 0 and 255; None where their upper byte counts."""
        return self.photos.range if self.photos else None

    @property
    def named_path(self) -> str | None:
        """The pattern of masks where lists and tables may name photos by them; None where masks have other names."""
        return None if self.pairs is not None else self.mask_path

    @property
    def tables(self) -> tuple[str, ...]:
        """Paths of the tables that say something of each photo."""
        return tuple(one.table for one in (self.group, self.weights) if one is not None and one.table)

    @property
    def has_weights(self) -> bool:
        """Whether records hold how much they count in training."""
        return self.weights is not None or any(one.has_weights for one in self._merged())

    @property
    def names_groups(self) -> bool:
        """Whether records hold the name of their group."""
        own = self.group is not None and self.group.is_named
        return own or any(one.names_groups for one in self._merged())

    @property
    def groups_near_duplicates(self) -> bool:
        """Whether near-duplicates are to stay in one split."""
        merged = any(one.groups_near_duplicates for one in self._merged())
        return (self.group is not None and self.group.near_duplicates) or (merged and not self.names_groups)

    def group_of(self, image_id: str, photo: str) -> str:
        """The group of a photo, by its id and path; the id itself where these do not name it."""
        if self.group is None or not self.group.is_named or self.group.table is not None:
            return image_id
        return self.group.group_of(shown_name(image_id), photo, self.image_path)

    @property
    def ignores_pixels(self) -> bool:
        """Whether masks can have pixels of no class."""
        by_masks = self.ignore_values or self.ignore_colors or self.ignore_categories
        merged = any(one.ignores_pixels for one in (self.merge or {}).values())
        return bool(by_masks or merged or IGNORE in (self.masks.unlabelled, self.masks.crowd))

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of class ids."""
        return tuple(class_spec.name for class_spec in self.classes)

    @property
    def class_titles(self) -> tuple[str, ...]:
        """Names as people write them, in the order of class ids."""
        return tuple(class_spec.shown for class_spec in self.classes)

    @property
    def slice_names(self) -> tuple[str, ...]:
        """Names of the slice features of a record."""
        return tuple(rule.name for rule in self.slices)

    @property
    def fraction_features(self) -> tuple[str, ...]:
        """Names of the float features with each class's share of the labelled pixels, in the order of class ids."""
        return tuple(fraction_feature(name) for name in self.class_names)

    @property
    def fraction_titles(self) -> dict[str, str]:
        """Each class's feature with its share, to the name of the class for people."""
        return dict(zip(self.fraction_features, self.class_titles))

    @property
    def number_features(self) -> tuple[str, ...]:
        """Names of all features of a record that are numbers."""
        return number_features(self.class_names, self.ignores_pixels)

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        """uint8 RGB per class id."""
        return tuple(class_spec.rgb for class_spec in self.classes)

    def slices_of(self, image_id: str) -> dict[str, str]:
        """Slice name to value for one id, e.g. `{"breed": "Bengal", "species": "cat"}`; ValueError if none matches.

        Patterns see the name that the id stands for, such as `a/IMG 1` for `a~2FIMG~201`.
        """
        values: dict[str, str] = {}
        for rule in self.slices:
            values[rule.name] = rule.value(shown_name(image_id), values)
        return values


MergedSource.model_rebuild()
DatasetSpec.model_rebuild()
