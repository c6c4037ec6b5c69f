"""The model card: valid for the Hub, true to the figures it was given, and the same each time."""

import re

import numpy as np
import pytest
import yaml
from huggingface_hub import ModelCard, constants
from markdown_it import MarkdownIt
from PIL import Image
from pydantic import ValidationError

from schemas.enlarging import enlarged_class_ids
from schemas.exported_model import ModelInfo, TfliteReport
from schemas.fitting import photo_box
from schemas.shipped import load_spec
from tests.tfx_pipeline.hub.pushes import push
from tfx_pipeline.config.hub import DataSource, HubConfig, SpaceConfig
from tfx_pipeline.evaluation.results import Evaluation, SliceMetrics
from tfx_pipeline.hub.client import HubRefused
from tfx_pipeline.hub.model_card import model_card
from tfx_pipeline.hub.properties import DatasetFacts
from tfx_pipeline.space.segmentation_app.resizing import fit_pixels

HUB = HubConfig(model_repo="acme/pets", license="apache-2.0")
FACTS = DatasetFacts(
    dataset="pets",
    version="1.2.0",
    image_size=96,
    manifest_sha256="ab" * 32,
    records={"train": 240, "eval": 60},
    spec=load_spec("pets"),
)
EXACT = TfliteReport(
    bytes=1_230_000,
    sha256="ef" * 32,
    compared_images=32,
    equal_pixels=1.0,
    max_logit_difference=0.0,
    mean_iou_difference=0.0,
)
INFO = ModelInfo(
    dataset="pets",
    classes=("pet", "background", "border"),
    palette=((255, 127, 14), (31, 59, 87), (255, 243, 176)),
    image_size=96,
    training={"model": "unet", "epochs": 24, "learning_rate": 0.01},
    code_version="0.1.0",
    source_sha256="cd" * 32,
    tflite={"model.tflite": EXACT},
)


def metrics(examples: int, *iou: float | None) -> SliceMetrics:
    known = [one for one in iou if one is not None]
    names = ("pet", "background", "border")
    values = {"mean_iou": sum(known) / len(known), "pixel_accuracy": 0.9, "iou": dict(zip(names, iou))}
    return SliceMetrics(examples, values)


BREEDS = {
    "Bengal": metrics(25, 0.8, 0.9, 0.5),
    "Sphynx": metrics(3, 0.7, 0.9, None),
    "beagle": metrics(30, 0.2, 0.7, 0.3),
    "pug": metrics(2, 0.7, 0.8, 0.3),
}
EVALUATION = Evaluation(overall=metrics(60, 0.75, 0.85, 0.4), slices={"breed": BREEDS}, blessed=True)


def changed(**fields) -> ModelInfo:
    return INFO.model_copy(update=fields)


def card(hub=HUB, facts=FACTS, info=INFO, evaluation=EVALUATION) -> str:
    return model_card(hub, facts, info, evaluation, "1.2.0-0123456789ab")


def section(text: str, title: str) -> str:
    return re.search(rf"^## {title}\n\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL).group(1)


def test_the_hub_accepts_it(hub, monkeypatch):
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    ModelCard(card()).validate()
    assert [request.path for request in hub.requests] == ["/api/validate-yaml"]


def test_a_card_with_a_wrong_model_index_would_be_refused_before_anything_is_sent(hub):
    text = card().replace("- type: mean_iou\n", "- kind: mean_iou\n")
    with pytest.raises(HubRefused, match=r"400: .*needs type and value"):
        push(hub, {"README.md": text.encode()})
    assert hub.asked("POST", "/commit/") == []


def test_its_results_read_back_as_the_figures_of_everything_and_of_each_slice_that_says_something():
    results = ModelCard(card()).data.eval_results
    figures = {(one.dataset_config, one.metric_name): one.metric_value for one in results}
    assert figures["all", "Mean IoU"] == round(EVALUATION.overall.mean_iou, 4)
    assert figures["breed=beagle", "IoU of pet"] == 0.2
    assert {configuration for configuration, _ in figures} == {"all", "breed=Bengal", "breed=beagle"}
    assert len(figures) == len(results) == 3 * 5
    assert {one.dataset_revision for one in results} == {FACTS.manifest_sha256}
    assert {one.dataset_split for one in results} == {"eval"}


def test_figures_come_with_their_intervals_where_there_are_any():
    overall = metrics(60, 0.75, 0.85, 0.4)
    overall = SliceMetrics(60, overall.values, {"mean_iou": (0.61, 0.72)})
    results = section(card(evaluation=Evaluation(overall=overall, slices={}, blessed=True)), "Results")
    assert "| mean IoU | 0.667 | 0.610 | 0.720 |" in results
    assert "95 %" not in section(card(), "Results")


def test_a_public_space_is_linked_and_a_picture_is_shown_where_there_is_one():
    public = SpaceConfig(repo="acme/pets-demo", title="Find the [pet]")
    text = card(hub=HUB.model_copy(update={"space": public}))
    assert "[Find the \\[pet\\]](https://huggingface.co/spaces/acme/pets-demo)" in text
    private = public.model_copy(update={"visibility": "private"})
    assert "spaces/" not in card(hub=HUB.model_copy(update={"space": private}))
    assert "spaces/" not in card()
    shown = model_card(HUB, FACTS, INFO, EVALUATION, "1.2.0-0123456789ab", has_picture=True)
    assert "](predictions.jpg)" in shown
    assert "predictions.jpg" not in card()


def test_classes_come_with_their_palette():
    assert "| 0 | pet | `#ff7f0e` | 255, 127, 14 |" in section(card(), "Classes")


def test_the_data_come_with_licence_source_citation_and_manifest():
    spec, text = load_spec("pets"), section(card(), "Data")
    for expected in (spec.license, spec.source, spec.citation, FACTS.manifest_sha256, "pets 1.2.0"):
        assert expected in text


def test_data_that_only_look_like_a_known_set_are_called_what_they_are():
    drawn = {"title": "drawn cats and dogs", "license": "Apache-2.0", "source": "python -m tests.sample_data"}
    text = card(HubConfig(model_repo="acme/pets", data=drawn))
    assert "drawn cats and dogs" in section(text, "Data")
    assert "drawn cats and dogs" in section(text, "Limitations")
    assert "Oxford" not in text
    assert "Parkhi" not in text


def test_the_training_configuration_and_the_code_version_are_stated():
    text = section(card(), "Training")
    assert "| learning rate | `0.01` |" in text
    assert "| code version | `0.1.0` |" in text
    assert INFO.source_sha256 in text


def test_limitations_name_the_worst_class_the_worst_slices_and_those_too_small_to_tell():
    text = section(card(), "Limitations")
    assert "The worst class is border: IoU 0.400, against 0.667 on average." in text
    assert "over all: beagle 0.400 (30 examples)." in text
    assert "Fewer than 20 examples, so that their figures say little, by breed: Sphynx, pug." in text


def test_where_every_slice_is_small_the_worst_of_them_are_still_named():
    breeds = {"pug": metrics(1, 0.2, 0.2, 0.2), "beagle": metrics(2, 0.9, 0.9, 0.9)}
    text = card(evaluation=Evaluation(overall=metrics(3, 0.6, 0.6, 0.6), slices={"breed": breeds}))
    assert "over all: pug 0.200 (1 example)." in text
    assert "by breed: pug, beagle." in text


def test_settings_that_a_search_chose_are_named_with_what_that_means():
    text = section(card(info=changed(tuned=("decoder_filters", "learning_rate"))), "Training")
    assert "so the figures above are optimistic: decoder filters, learning rate.\n" in text
    assert "optimistic" not in section(card(), "Training")


def test_a_class_that_was_never_evaluated_is_a_limitation():
    text = card(evaluation=Evaluation(overall=metrics(9, 0.5, 0.6, None), slices={}))
    assert "has no pixel of it: border." in section(text, "Limitations")


def test_without_an_evaluation_it_says_that_nothing_was_measured():
    text = card(evaluation=None)
    assert "model-index" not in text
    assert "was not evaluated" in section(text, "Limitations")
    assert "No evaluation came with this model." in section(text, "Results")


def test_the_code_names_the_version_and_a_hub_of_ones_own():
    code = section(card(HubConfig(model_repo="acme/pets", endpoint="https://hub.acme.example")), "How to use it")
    assert '"acme/pets", revision="1.2.0-0123456789ab", endpoint="https://hub.acme.example"' in code


def test_without_tflite_there_is_no_code_for_it():
    assert "tflite" not in card(info=changed(tflite=None))
    assert "| `model.tflite` | 1.23 MB | 32 | 100.0000% | +0.0000 |" in card()


def test_the_licence_of_the_model_is_named_where_it_is_configured():
    assert yaml.safe_load(card().split("---")[1])["license"] == "apache-2.0"
    assert "license" not in yaml.safe_load(card(HubConfig(model_repo="acme/pets")).split("---")[1])


def test_the_same_facts_give_the_same_text():
    assert card() == card()


def test_a_name_cannot_break_a_table_or_the_metadata():
    breeds = {"a | b\n---\ntags: [x]": metrics(30, 0.5, 0.5, 0.5)}
    text = card(evaluation=Evaluation(overall=metrics(30, 0.5, 0.5, 0.5), slices={"breed": breeds}))
    [model] = yaml.safe_load(re.match(r"---\n(.*?)\n---\n", text, re.DOTALL).group(1))["model-index"]
    assert len(model["results"]) == 2
    assert "| a \\| b --- tags: \\[x\\] | 30 |" in text


HOSTILE = "# <script>alert(1)</script> ![x](https://evil.example/x.png) [y](javascript:z) `a` *b* | c & d"


def test_text_from_data_and_configuration_stays_text():
    data = {"title": HOSTILE, "license": HOSTILE, "source": HOSTILE}
    facts = FACTS.model_copy(update={"version": f"1.0\n\n# Heading\n\n{HOSTILE}"})
    info = changed(training=INFO.training | {"model": HOSTILE}, code_version=HOSTILE)
    slices = {"breed": {HOSTILE: metrics(30, 0.5, 0.5, 0.5), "pug": metrics(2, 0.2, 0.2, 0.2)}}
    evaluation = Evaluation(overall=metrics(32, 0.6, 0.6, 0.6), slices=slices)
    text = model_card(HubConfig(model_repo="acme/pets", data=data), facts, info, evaluation, f'1.0"\n\n{HOSTILE}')
    body = text.split("\n---\n", 1)[1]
    html = MarkdownIt("commonmark").enable("table").render(body)
    assert not re.search(r"<(script|img|em|h1>\s*Heading)|href=.(javascript|https://evil)", html)
    assert html.count("<h1>") == 1
    assert html.count("<h2>") == len(re.findall("^## ", card(), re.MULTILINE))
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ![x](https://evil.example/x.png)" in html  # shown as it reads
    for rows in re.findall(r"<table>.*?</table>", html, re.DOTALL):
        assert len({len(re.findall("<t[dh]", row)) for row in re.findall(r"<tr>.*?</tr>", rows, re.DOTALL)}) == 1


@pytest.mark.parametrize("text", ["two\nlines", "a\x00b", "a\u2028b", "left\u202eright", "", " ", "x" * 301])
def test_a_title_that_is_not_one_line_of_text_is_refused(text):
    with pytest.raises(ValidationError):
        DataSource(title=text, license="x", source="x")
    with pytest.raises(ValidationError):
        SpaceConfig(repo="acme/pets-demo", title=text)


@pytest.mark.parametrize("place", ["/home/jane/weights/w.h5", "gs://bucket/weights/w.h5", "C:\\weights\\w.h5", "w.h5"])
def test_of_weights_the_name_and_the_digest_are_published_and_not_their_place(place):
    info = changed(training=INFO.training | {"encoder_weights": place}, encoder_weights_sha256="ef" * 32)
    text = section(card(info=info), "Training")
    assert "| encoder weights | `w.h5` |" in text
    assert f"`{'ef' * 32}`" in text
    assert "jane" not in text
    assert "bucket" not in text


@pytest.mark.parametrize("size", [(150, 100), (60, 170), (96, 64), (300, 8)], ids=str)
def test_the_code_for_tflite_letterboxes_a_photo_where_the_model_s_were(size):
    info = changed(fit="letterbox", image_size="96x64")
    text = card(facts=FACTS.model_copy(update={"fit": "letterbox", "image_size": "96x64"}), info=info)
    code = re.search(r"^scale = .*?^(?=print)", section(text, "How to use it"), re.MULTILINE | re.DOTALL).group()
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), np.uint8))
    seen = []

    def segment(pixels):
        seen.append(pixels[0])
        return {"logits": pixels}  # the channels stand for classes

    names = {"np": np, "Image": Image, "photo": photo, "segment": segment}
    exec(code, names)
    box = photo_box(size[::-1], (64, 96), "letterbox")
    expected = fit_pixels(np.asarray(photo), "96x64", "letterbox")
    assert np.abs(seen[0] - expected).max() <= 1.01  # Pillow rounds twice, to whole levels
    assert names["logits"].shape[:2] == (box.height, box.width)
    assert names["class_ids"].shape == size[::-1]
    enlarged = enlarged_class_ids(seen[0][box.slices], *size[::-1])
    assert np.mean(names["class_ids"] == enlarged) > 0.97
    assert "Photos are scaled to fit into 96x64 pixels" in section(text, "Limitations")
    assert "| aspect of the photos | kept, with padding |" in text
    assert "squashed" not in text
