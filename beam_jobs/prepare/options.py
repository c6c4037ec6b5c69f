"""Options of the preparation job that decide what is published, checked when they are made."""

from __future__ import annotations

import uuid
from typing import Any, Literal

from pydantic import ByteSize, Field, field_validator, model_validator

from beam_jobs.prepare.records import MAX_MISSING_FRACTION, Encoding
from beam_jobs.sources.dataset_file import read_dataset
from beam_jobs.sources.excluded import ids_sha256, read_excluded
from beam_jobs.storage.locations import wildcard_problem
from beam_jobs.storage.versions import absolute_folder
from schemas.features import EVAL, SPLITS, TEST, TRAINING_SPLITS
from schemas.fitting import LETTERBOX, STRETCH, Fit
from schemas.frozen_model import FrozenModel
from schemas.image_size import ImageSize, sides
from schemas.manifest import MAX_NAME, SHA256
from schemas.merge_spec import split_id
from schemas.origin import Origin, with_origin
from schemas.spec import DatasetSpec, MaskPath, SourcePath
from schemas.version_files import VERSION

MIN_SIDE, MAX_SIDE = 16, 4096  # pixels of a record's side
JOB_ID = r"^[0-9a-f]{32}$"
STAGING, REJECTED_VERSIONS = "_staging", "_rejected"


class PrepareOptions(FrozenModel):
    """What to prepare, from where, to where, and how.

    Attributes:
      dataset: The data set's name. Given is that of one that ships, or the path of a `dataset.yaml` or of its folder.
      description: What its `dataset.yaml` says; read when the options are made, so that it travels with them.
      input: Folder of the data set (local or `gs://`), in the layout of its description, or of its archives.
      image_path, mask_path: Patterns that replace the description's, for a user's own folders.
      output: Root that versions are published under, as `<output>/<dataset>/<version>`.
      image_size: Of photos and masks: pixels of a square's side, or `WIDTHxHEIGHT` such as `480x352`; 0 keeps the
        sizes.
      fit: `stretch` to that size, or `letterbox`: scaled to fit into it, with padding around; None: as described, else
        stretched.
      source_masks: `eval` keeps masks at the photos' own sizes, too, in records of eval and test, so that models are
        also judged there; `none` does not; None: `eval`, or as the published version that is compared or built upon.
      split: `official` reads the data set's lists and folders, `hash` decides by the id; None: as described.
      eval_fraction, test_fraction: Shares of the ids that `hash` gives to these splits; without a share of `test`, the
        version has no such split.
      max_missing_fraction: A JPEG that ends early is repaired where at most this share of its pixels is missing; 0
        repairs none.
      shard_bytes: Target size of a shard in bytes.
      retry_quarantined: A published version of the same data set under the same output, to build upon: its records are
        copied, and what it rejected is tried again. `base_sha256` is the digest of its manifest.
      near_duplicates: What to do about near-duplicates in train and eval: `report` them, keep each group in the same
        split (`one_side`), or `ignore` them.
      max_rejected_fraction: A larger share of rejected inputs withholds the version.
      exclude: File that names photos to leave out, see `beam_jobs.sources.excluded`. `excluded` are their ids, read
        when the options are made, and `exclude_sha256` is the digest of these, or of the base's.
      origin: Content of the input's `origin.yaml`; None without one.
      baseline: A published version of the same data set under the same output; drift from it withholds the version.
      job_id: Unique, so that no two jobs of a version build in the same folder. Not for users to choose.
    """

    dataset: str = ""
    description: DatasetSpec
    input: str = Field(min_length=1)
    output: str = Field(min_length=1)
    version: str = Field(pattern=rf"^{VERSION}$", max_length=MAX_NAME)
    image_size: ImageSize = 128
    fit: Fit | None = None
    source_masks: Literal["eval", "none"] | None = None
    split: Literal["official", "hash"] | None = None
    eval_fraction: float = Field(default=0.2, gt=0, lt=1)
    test_fraction: float = Field(default=0, ge=0, lt=1)
    image_format: Literal["jpeg", "png"] = "jpeg"
    jpeg_quality: int = Field(default=92, ge=50, le=100)
    max_missing_fraction: float = Field(default=MAX_MISSING_FRACTION, ge=0, le=1)
    shard_bytes: ByteSize = Field(default=ByteSize(64 << 20), ge=1 << 20)  # 64 MiB; text such as 32MiB is read
    near_duplicates: Literal["report", "one_side", "ignore"] = "report"
    max_rejected_fraction: float = Field(default=0.05, ge=0, le=1)
    baseline: str | None = Field(default=None, pattern=rf"^{VERSION}$")
    image_path: SourcePath | None = None
    mask_path: MaskPath | None = None
    retry_quarantined: str | None = Field(default=None, pattern=rf"^{VERSION}$")
    base_sha256: str | None = Field(default=None, pattern=SHA256)
    exclude: str | None = Field(default=None, min_length=1)
    excluded: tuple[str, ...] = ()
    exclude_sha256: str | None = Field(default=None, pattern=SHA256)
    origin: Origin | None = None
    job_id: str = Field(default_factory=lambda: uuid.uuid4().hex, pattern=JOB_ID)

    @model_validator(mode="before")
    @classmethod
    def _described(cls, values: Any) -> Any:
        """Reads the description that `dataset` names; without it, the one that lies with the photos."""
        if not isinstance(values, dict) or "description" in values:
            return values
        named = values.get("dataset") or values.get("input")
        if not isinstance(named, str):
            return values
        folder = values.get("input")
        description = read_dataset(named, absolute_folder(folder) if isinstance(folder, str) and folder else None)
        split, fit = values.get("split") or description.split, values.get("fit") or description.fit
        if description.groups_near_duplicates:
            values = {"near_duplicates": "one_side", **values}
        given = {"dataset": description.name, "description": description, "split": split, "fit": fit}
        return _with_excluded({**values, **given}, description)

    @model_validator(mode="after")
    def _copies_are_not_excluded(self) -> PrepareOptions:
        if self.excluded and self.retry_quarantined:
            raise ValueError("exclude: retry_quarantined copies published records; prepare a version from all photos")
        return self

    @field_validator("input", "output")
    @classmethod
    def _absolute(cls, folder: str) -> str:
        """Makes local folders absolute: workers may have another current folder."""
        return absolute_folder(folder)

    @field_validator("input")
    @classmethod
    def _can_be_listed(cls, folder: str) -> str:
        if "://" in folder and not folder.startswith("gs://") and (problem := wildcard_problem(folder)):
            raise ValueError(problem)
        return folder

    @field_validator("output")
    @classmethod
    def _can_be_trained_on(cls, folder: str) -> str:
        """Refuses paths from which TensorFlow and TFX could not read a version."""
        if problem := wildcard_problem(folder):
            raise ValueError(problem)
        return folder

    @field_validator("image_size")
    @classmethod
    def _no_crumbs(cls, image_size: int | str) -> int | str:
        shorter, longer = sorted(sides(image_size))
        if image_size and (shorter < MIN_SIDE or longer > MAX_SIDE):
            raise ValueError(f"must be 0 (keep the size), or sides of {MIN_SIDE} to {MAX_SIDE} pixels")
        return image_size

    @model_validator(mode="after")
    def _has_a_size_to_fit_into(self) -> PrepareOptions:
        if self.fit == LETTERBOX and not self.image_size:
            raise ValueError(
                "fit: letterbox needs an image_size to fit photos into, such as 256 or 480x352; image_size 0 keeps"
                " their sizes, with fit stretch"
            )
        return self

    @model_validator(mode="after")
    def _official_lists_exist(self) -> PrepareOptions:
        if self.split == "official" and not self.spec.has_official_split:
            raise ValueError(f"split: {self.dataset} has no official lists; use hash")
        return self

    @model_validator(mode="after")
    def _merged_as_described(self) -> PrepareOptions:
        if self.description.merge is not None and (self.image_path or self.mask_path):
            raise ValueError("image_path, mask_path: not for merged data sets; each has its own dataset.yaml")
        if self.description.merge is not None and self.retry_quarantined:
            raise ValueError("retry_quarantined: not for merged data sets; prepare a version from all photos")
        unknown = [one for one in self.excluded if split_id(one)[0] not in (self.description.merge or ())]
        if self.description.merge is not None and unknown:
            raise ValueError(f"exclude: {unknown[0]} is of none of the data sets that are merged")
        return self

    @model_validator(mode="after")
    def _groups_stay_whole(self) -> PrepareOptions:
        if self.near_duplicates == "one_side" and self.spec.names_groups:
            raise ValueError("near_duplicates: one_side would tear the groups of dataset.yaml apart; use report")
        return self

    @model_validator(mode="after")
    def _shares_leave_some(self) -> PrepareOptions:
        if self.test_fraction and self.split == "official":
            raise ValueError("test_fraction: decides with split hash only; the official lists name theirs")
        if self.eval_fraction + self.test_fraction >= 1:
            raise ValueError("eval_fraction and test_fraction: must leave a share for train")
        return self

    @model_validator(mode="after")
    def _other_versions_are_earlier(self) -> PrepareOptions:
        for name in ("baseline", "retry_quarantined"):
            if getattr(self, name) == self.version:
                raise ValueError(f"{name}: {self.version} is the version to be made; give an earlier one")
        return self

    @property
    def spec(self) -> DatasetSpec:
        """The contract of the data set, with the paths that the options name."""
        paths = self.model_dump(include={"image_path", "mask_path"}, exclude_none=True)
        return with_origin(self.description, self.origin).model_copy(update=paths)

    def without_ids(self) -> PrepareOptions:
        """The options for steps that only need to know that photos were excluded: each carries a copy of them."""
        return self.model_copy(update={"excluded": ()})

    def of_sources(self) -> dict[str, PrepareOptions]:
        """Name to the options of each data set that is merged; of an ordinary one its own, under an empty name."""
        if self.description.merge is None:
            return {"": self}
        return {
            name: self.model_copy(
                update={
                    "dataset": source.dataset.name,
                    "description": source.dataset,
                    "input": f"{self.input}/{source.input}",
                    "split": source.dataset.split if self.split == "official" else "hash",
                    "origin": None,
                    "excluded": tuple(split_id(one)[1] for one in self.excluded if split_id(one)[0] == name),
                }
            )
            for name, source in self.description.merge.items()
        }

    @property
    def shares(self) -> tuple[float, float]:
        """The shares of eval and of test, where a hash decides."""
        return self.eval_fraction, self.test_fraction

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that records are planned for; a version that is built upon another also has that one's."""
        has_test = TEST in self.spec.official_names if self.split == "official" else self.test_fraction > 0
        return SPLITS if has_test else TRAINING_SPLITS

    @property
    def encoding(self) -> Encoding:
        """How records are encoded."""
        return Encoding(
            self.image_size,
            self.image_format,
            self.jpeg_quality,
            self.max_missing_fraction,
            self.fit or STRETCH,
            self.keeps_source_masks,
            self.spec.photo_range,
        )

    @property
    def keeps_source_masks(self) -> bool:
        """Whether records of eval and test keep two masks; where photos keep their sizes, one is enough."""
        return bool(self.image_size) and self.source_masks in (None, EVAL)

    @property
    def version_dir(self) -> str:
        """Where the version is published."""
        return f"{self._dataset_dir}/{self.version}"

    @property
    def staging_dir(self) -> str:
        """Where this job builds the version; deleted when the job ends."""
        return f"{self.staging_root}/{self.job_id}"

    @property
    def staging_root(self) -> str:
        """Where all jobs of the version have their staging folders."""
        return f"{self._dataset_dir}/{STAGING}/{self.version}"

    @property
    def rejected_dir(self) -> str:
        """Where a version that was withheld leaves its statistics, anomalies and quarantine."""
        return f"{self._dataset_dir}/{REJECTED_VERSIONS}/{self.version}"

    @property
    def baseline_dir(self) -> str | None:
        """Folder of the version that drift is measured against; None without one."""
        return f"{self._dataset_dir}/{self.baseline}" if self.baseline else None

    @property
    def base_dir(self) -> str | None:
        """Folder of the version whose rejected inputs are retried; None without one."""
        return f"{self._dataset_dir}/{self.retry_quarantined}" if self.retry_quarantined else None

    @property
    def _dataset_dir(self) -> str:
        return f"{self.output}/{self.dataset}"


def _with_excluded(values: dict[str, Any], description: DatasetSpec) -> dict[str, Any]:
    """Adds the ids that the file of `exclude` names; paths in it are read by the patterns of this job."""
    path = values.get("exclude")
    if not isinstance(path, str) or not path:
        return values
    patterns = {name: values[name] for name in ("image_path", "mask_path") if values.get(name)}
    excluded = read_excluded(absolute_folder(path), description.model_copy(update=patterns))
    return {**values, "excluded": excluded, "exclude_sha256": ids_sha256(excluded)}
