"""The model card: `README.md` of the model repository, written from metadata alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from huggingface_hub import ModelCardData

from schemas.exported_model import ModelInfo
from schemas.features import EVAL, TEST
from schemas.fitting import LETTERBOX
from schemas.image_size import pixels_text
from schemas.spec import DatasetSpec
from tfx_pipeline.config.hub import DataSource, HubConfig, SpaceConfig
from tfx_pipeline.evaluation.results import Evaluation
from tfx_pipeline.hub.card_results import eval_results, limitations, results_tables
from tfx_pipeline.hub.card_usage import usage
from tfx_pipeline.hub.properties import DatasetFacts
from tfx_pipeline.space.markdown import address_or_plain, code, plain, table

CARD_FILE = "README.md"
PICTURE_FILE = "predictions.jpg"
ENCODER_SOURCES = ("encoder", "encoder_weights")  # settings that can be paths on the machine that trained
PUBLIC_HUBS = ("hf://", "kaggle://")


def model_card(
    hub: HubConfig,
    facts: DatasetFacts,
    info: ModelInfo,
    evaluation: Evaluation | None,
    tag: str,
    test_evaluation: Evaluation | None = None,
    has_picture: bool = False,
) -> str:
    """Writes the card; the same arguments give the same text.

    Args:
      hub: Names the repository and its Hub.
      facts: Of the data set version.
      info: The model info.
      evaluation: Evaluator's results, if there are any.
      tag: Of the version that the card describes.
      test_evaluation: TestEvaluator's results, where the version has a test split.
      has_picture: Whether `predictions.jpg` lies beside the card.
    """
    spec = facts.spec
    source = hub.data or DataSource(title=spec.title, license=spec.license, source=spec.source)
    shown = source.model_copy(
        update={
            "title": plain(source.title),
            "license": plain(source.license),
            "source": address_or_plain(source.source),
        }
    )
    results = {split: one for split, one in ((EVAL, evaluation), (TEST, test_evaluation)) if one}
    sections = [
        f"---\n{_metadata(hub, facts, spec, source, results, bool(info.tflite)).to_yaml()}\n---",
        f"# {hub.model_repo.partition('/')[2]}",
        _introduction(facts, info, shown, tag),
        *([f"![Photos, and below each what the model finds in it]({PICTURE_FILE})"] if has_picture else []),
        *([_try_it(hub, hub.space)] if hub.space and hub.space.visibility == "public" else []),
        f"## Classes\n\n{_classes(info)}",
        f"## Intended use\n\n{_intended_use(info, shown)}",
        f"## How to use it\n\n{usage(hub, info, tag)}",
        f"## Results\n\n{results_tables(facts, evaluation, test_evaluation)}",
        f"## Limitations\n\n{limitations(facts, evaluation, shown)}",
        f"## Data\n\n{_data(facts, spec, shown, overridden=hub.data is not None)}",
        f"## Training\n\n{_training(info)}",
        "The pipeline wrote this card from the metadata of the run; no figure was typed by hand.",
    ]
    return "\n\n".join(sections) + "\n"


def _metadata(
    hub: HubConfig,
    facts: DatasetFacts,
    spec: DatasetSpec,
    source: DataSource,
    results: dict[str, Evaluation],
    has_tflite: bool,
) -> ModelCardData:
    tags = ["image-segmentation", "semantic-segmentation", "tensorflow", spec.name]
    return ModelCardData(
        license=hub.license,
        library_name="tensorflow",
        pipeline_tag="image-segmentation",
        tags=[*tags, *(["tflite", "litert"] if has_tflite else [])],
        model_name=hub.model_repo.partition("/")[2],
        eval_results=[result for split, one in results.items() for result in eval_results(facts, source, one, split)]
        or None,
    )


def _introduction(facts: DatasetFacts, info: ModelInfo, source: DataSource, tag: str) -> str:
    size = pixels_text(info.image_size)
    return (
        f"Semantic segmentation: assigns each pixel of a photo one of {len(info.classes)} classes. A"
        f" {code(info.training['model'])} of {size} pixels, trained on {source.title}"
        f" ({plain(facts.dataset)} {plain(facts.version)}). Version {code(tag)}."
    )


def _try_it(hub: HubConfig, space: SpaceConfig) -> str:
    where = "in your browser" if space.kind == "static" else "on a page"
    return f"Try it {where}, on photos of your own: [{plain(space.title)}]({hub.endpoint}/spaces/{space.repo})."


def _classes(info: ModelInfo) -> str:
    rows = [
        [str(class_id), plain(name), f"`#{bytes(color).hex()}`", ", ".join(map(str, color))]
        for class_id, (name, color) in enumerate(zip(info.class_titles, info.palette))
    ]
    return table(["class id", "class", "colour", "red, green, blue"], rows)


def _intended_use(info: ModelInfo, source: DataSource) -> str:
    names = ", ".join(map(plain, info.class_titles))
    return (
        f"Finding {names} in photos like those of {source.title}: to measure, to cut out, to show. Not meant for"
        " decisions about the safety, health or rights of anyone, and not evaluated on photos of other kinds."
    )


def _data(facts: DatasetFacts, spec: DatasetSpec, source: DataSource, overridden: bool) -> str:
    rows = [
        ["data set", source.title],
        ["source", source.source],
        ["licence of the data", source.license],
        ["version", f"{plain(facts.dataset)} {plain(facts.version)}"],
        *([f"{plain(split)} examples", str(count)] for split, count in sorted(facts.records.items())),
        ["image size", pixels_text(facts.image_size) if facts.image_size else "as in the source"],
        *([["aspect of the photos", "kept, with padding"]] if facts.fit == LETTERBOX else []),
        ["manifest (sha256)", f"`{facts.manifest_sha256}`"],
    ]
    if spec.citation and not overridden:
        rows.insert(2, ["citation", plain(spec.citation)])
    return table(["", ""], rows)


def publishable(training: Mapping[str, Any]) -> dict[str, Any]:
    """The training's configuration without the folders and buckets that its encoder came from."""
    named = {name: _file_name(training[name]) for name in ENCODER_SOURCES if training.get(name)}
    return {**training, **named}


def _file_name(source: str) -> str:
    """A public name unchanged; the last part of a path or another URI."""
    if source.startswith(PUBLIC_HUBS):
        return source
    return re.split(r"[/\\]", source.rstrip("/\\"))[-1]


def _training(info: ModelInfo) -> str:
    training = publishable(info.training)
    rows = [[plain(name.replace("_", " ")), code(str(value))] for name, value in sorted(training.items())]
    digests = {
        "encoder weights (sha256)": info.encoder_weights_sha256,
        "code version": info.code_version,
        "code (sha256)": info.source_sha256,
    }
    rows += [[name, code(digest)] for name, digest in digests.items() if digest]  # models of earlier versions lack some
    settings = table(["setting", "value"], rows)
    if not info.tuned:
        return settings
    names = ", ".join(plain(name.replace("_", " ")) for name in info.tuned)
    return f"{settings}\n\nChosen by a search on the evaluation split, so the figures above are optimistic: {names}."
