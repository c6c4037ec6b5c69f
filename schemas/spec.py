"""What differs between data sets: files, classes, mask values and slices, read from `<data set>/dataset.yaml`."""

from __future__ import annotations

import hashlib
import re
from functools import cache, cached_property
from importlib import resources
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from schemas.colors import GREY, MAGENTA, distinct_color, first_alike
from schemas.documents import parse_yaml
from schemas.errors import UserError
from schemas.features import (
    BRIGHTNESS,
    CONTRAST,
    IGNORE_ID,
    IGNORED_FRACTION,
    SOURCE_HEIGHT,
    SOURCE_WIDTH,
    SPLITS,
    fraction_feature,
)
from schemas.lines import Line
from schemas.models import FrozenModel, parse_model
from schemas.path_pattern import check_path_pattern

DATASET_FILE = "dataset.yaml"
ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_.-]*"  # an id can never name a hidden file or leave its folder
ARCHIVE_URL = r"^(https://|http://(localhost|127\.0\.0\.1)[:/])"  # loopback needs no encryption
SourcePath = Annotated[str, AfterValidator(check_path_pattern)]


ClassName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=128)]


class ClassSpec(FrozenModel):
    """One class of the mask; its class id is its position in `DatasetSpec.classes`."""

    name: ClassName
    mask_values: tuple[int, ...] = Field(min_length=1, description="values in the source mask that mean this class")
    color: str = Field(pattern=r"^#[0-9a-f]{6}$")
    required: bool = Field(default=False, description="a mask without one pixel of this class is rejected")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour as uint8 red, green and blue."""
        red, green, blue = bytes.fromhex(self.color[1:])
        return red, green, blue


class SliceSpec(FrozenModel):
    """How an id maps to one slice of the evaluation: by a pattern over the id, or by groups of another slice."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    id_pattern: str | None = Field(default=None, description="regular expression; its first group is the value")
    of: str | None = Field(default=None, description="an earlier slice whose values `groups` gathers")
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_rule(self) -> SliceSpec:
        if (self.id_pattern is None) == (self.of is None):
            raise ValueError("needs exactly one of id_pattern and of")
        if self.of is not None and not self.groups:
            raise ValueError("a slice with `of` needs groups")
        listed = [member for members in self.groups.values() for member in members]
        if twice := sorted({member for member in listed if listed.count(member) > 1}):
            raise ValueError(f"groups: {', '.join(twice)} stands in more than one place")
        if self.id_pattern is not None and _groups(self.id_pattern) < 1:
            raise ValueError("id_pattern needs one group, the value of the slice")
        return self

    @cached_property
    def members(self) -> dict[str, str]:
        """Value of the earlier slice to the value of this one; empty without `of`."""
        return {member: group for group, members in self.groups.items() for member in members}

    def value(self, image_id: str, earlier: dict[str, str]) -> str:
        """The slice's value for one id, given the values of earlier slices; ValueError where no rule matches."""
        if self.of is not None:
            member = earlier[self.of]
            if member not in self.members:
                raise ValueError(f"{self.of} {member!r} belongs to no {self.name}")
            return self.members[member]
        match = re.fullmatch(self.id_pattern or "", image_id)
        if match is None:
            raise ValueError(f"id {image_id!r} does not match the {self.name} pattern {self.id_pattern!r}")
        return match.group(1)


def _groups(id_pattern: str) -> int:
    try:
        return re.compile(id_pattern).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"id_pattern is not a regular expression ({error})") from None


class ArchiveSpec(FrozenModel):
    """One file that a data set is published as: a plain tar archive, whatever its name says.

    Attributes:
      file: Its name under the input root.
      url, bytes, sha256: Where it is published, and what must arrive.
    """

    file: str = Field(pattern=rf"^{ID_PATTERN}$")
    url: str = Field(pattern=ARCHIVE_URL)
    bytes: int = Field(gt=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")

    @property
    def local_names(self) -> tuple[str, ...]:
        """Names under which it is looked for: as it is published, and as `gunzip` would leave it."""
        return tuple(dict.fromkeys((self.file, self.file.removesuffix(".gz"))))


class StatisticsRule(FrozenModel):
    """What a number must be like over all records of a split; each range is (smallest, largest), both acceptable."""

    feature: str
    mean: tuple[float, float] | None = Field(default=None, description="range of the mean value")
    zeros: tuple[float, float] | None = Field(default=None, description="range of the share of records with value 0")

    @model_validator(mode="after")
    def _ordered_ranges(self) -> StatisticsRule:
        if not self.ranges:
            raise ValueError("needs a range, one of mean and zeros")
        for measure, (low, high) in self.ranges.items():
            if not low <= high:
                raise ValueError(f"{measure}: the range begins with its smaller end, got [{low}, {high}]")
        return self

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """Measure (`mean`, `zeros`) to its range, for the measures that the rule is about."""
        return {name: limits for name in ("mean", "zeros") if (limits := getattr(self, name)) is not None}


class DatasetSpec(FrozenModel):
    """Everything the jobs, the trainer and the pipeline need to know about one data set.

    Attributes:
      name: Name of the folder under `schemas/`, and of the folder that versions are published in.
      title, license, source, citation: For people: reports and model cards. `source` is the address of the data set,
        or says how it is made. `schemas.origin` says of one version what it was made from instead.
      drawn: Whether `tests.sample_data` has drawn the photos.
      image_path, mask_path: Where files lie under the input root (`schemas.path_pattern`).
      archives: What the data set is published as; may lie under the input root in place of the files.
      official_splits: Split name to the list file that names its ids (first word of each line; `#` comments).
      classes: In the order of their class ids.
      ignore_values: Values in the source mask that mean no class, such as void; IGNORE_ID in the records' masks.
      slices: In the order in which they can refer to each other.
      rules: What the statistics of each split must be like, beyond what `schema.pbtxt` can say.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: Line
    license: Line
    source: Line
    citation: Line | None = None
    drawn: bool = False
    image_path: SourcePath
    mask_path: SourcePath
    archives: tuple[ArchiveSpec, ...] = ()
    official_splits: dict[str, str] = Field(default_factory=dict)
    classes: tuple[ClassSpec, ...] = Field(min_length=2, max_length=255)
    ignore_values: tuple[Annotated[int, Field(ge=0, le=255)], ...] = ()
    slices: tuple[SliceSpec, ...] = ()
    rules: tuple[StatisticsRule, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> DatasetSpec:
        values = [value for class_spec in self.classes for value in class_spec.mask_values]
        if len(values) != len(set(values)) or not all(0 <= value <= 255 for value in values):
            raise ValueError("classes: mask_values must be in [0, 255] and belong to one class each")
        self._check_ignored(set(values))
        if len(set(self.class_names)) != len(self.classes):
            raise ValueError("classes: names must differ")
        if alike := first_alike(self.palette):
            first, second = (self.classes[one] for one in alike)
            raise ValueError(f"classes: {second.name} looks like {first.name}, {first.color}; give it another color")
        if unknown := set(self.official_splits) - set(SPLITS):
            raise ValueError(f"official_splits: no such split {sorted(unknown)}; splits are {list(SPLITS)}")
        for index, rule in enumerate(self.slices):
            if rule.of is not None and rule.of not in [earlier.name for earlier in self.slices[:index]]:
                raise ValueError(f"slices.{rule.name}: `of` must name an earlier slice, got {rule.of!r}")
        for rule in self.rules:
            if rule.feature not in self.number_features:
                raise ValueError(f"rules: no number {rule.feature!r}; there are: {', '.join(self.number_features)}")
        return self

    def _check_ignored(self, class_values: set[int]) -> None:
        if not self.ignore_values:
            return
        if common := class_values & set(self.ignore_values):
            raise ValueError(f"ignore_values: {sorted(common)} already mean classes")
        if len(self.classes) >= IGNORE_ID:
            raise ValueError(f"classes: at most {IGNORE_ID - 1} beside ignore_values, got {len(self.classes)}")
        if IGNORED_FRACTION in self.fraction_features:
            raise ValueError(f"classes: beside ignore_values no class's feature can be called {IGNORED_FRACTION}")

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names in the order of class ids."""
        return tuple(class_spec.name for class_spec in self.classes)

    @property
    def slice_names(self) -> tuple[str, ...]:
        """Names of the slice features of a record."""
        return tuple(rule.name for rule in self.slices)

    @property
    def fraction_features(self) -> tuple[str, ...]:
        """Names of the float features with each class's share of the labelled pixels, in the order of class ids."""
        return tuple(fraction_feature(name) for name in self.class_names)

    @property
    def number_features(self) -> tuple[str, ...]:
        """Names of all features of a record that are numbers."""
        ignored = (IGNORED_FRACTION,) if self.ignore_values else ()
        return (*self.fraction_features, *ignored, BRIGHTNESS, CONTRAST, SOURCE_HEIGHT, SOURCE_WIDTH)

    @property
    def palette(self) -> tuple[tuple[int, int, int], ...]:
        """uint8 RGB per class id."""
        return tuple(class_spec.rgb for class_spec in self.classes)

    @cached_property
    def ignored_color(self) -> tuple[int, int, int]:
        """uint8 RGB of ignored pixels, wherever masks are drawn: grey, or what no class looks like."""
        return distinct_color(GREY, self.palette)

    @cached_property
    def unknown_color(self) -> tuple[int, int, int]:
        """uint8 RGB of values in a source mask that have no meaning: magenta, or what nothing else looks like."""
        return distinct_color(MAGENTA, (*self.palette, self.ignored_color))

    @property
    def class_id_of_mask_value(self) -> dict[int, int]:
        """Every known source mask value to its class id, and to IGNORE_ID where it is ignored."""
        ids = {value: class_id for class_id, one in enumerate(self.classes) for value in one.mask_values}
        return ids | dict.fromkeys(self.ignore_values, IGNORE_ID)

    @property
    def required_class_ids(self) -> tuple[int, ...]:
        """Class ids that every mask must hold at least one pixel of."""
        return tuple(class_id for class_id, one in enumerate(self.classes) if one.required)

    def slices_of(self, image_id: str) -> dict[str, str]:
        """Slice name to value for one id, e.g. `{"breed": "Bengal", "species": "cat"}`; ValueError if none matches."""
        values: dict[str, str] = {}
        for rule in self.slices:
            values[rule.name] = rule.value(image_id, values)
        return values

    @cached_property
    def schema_text(self) -> str:
        """The TensorFlow Metadata schema as its text format."""
        return (resources.files("schemas") / self.name / "schema.pbtxt").read_text(encoding="utf-8")

    @property
    def schema_sha256(self) -> str:
        """Digest of `schema.pbtxt`'s bytes, as manifests record it."""
        return hashlib.sha256(self.schema_text.encode()).hexdigest()


def available_datasets() -> list[str]:
    """Names of the data sets that have a folder here."""
    root = resources.files("schemas")
    return sorted(folder.name for folder in root.iterdir() if (folder / DATASET_FILE).is_file())


@cache  # reading YAML takes 30 ms, and a job asks a dozen times
def load_spec(name: str) -> DatasetSpec:
    """Reads and checks `schemas/<name>/dataset.yaml`, once in each process.

    Raises:
      UserError: There is no such data set, or its file is wrong; names the key.
    """
    if name not in available_datasets():
        raise UserError(f"no data set {name!r} under schemas/; there are: {', '.join(available_datasets())}")
    source = resources.files("schemas") / name / DATASET_FILE
    place = f"schemas/{name}/{DATASET_FILE}"
    spec = parse_model(DatasetSpec, parse_yaml(source.read_bytes(), place), place)
    if spec.name != name:
        raise UserError(f"{place}: name must be {name!r}, got {spec.name!r}")
    return spec
