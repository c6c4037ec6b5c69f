"""The report: what it shows, that it needs nothing else, and that nothing in the data can become part of the page."""

import numpy as np
import pytest
from google.protobuf import text_format
from PIL import Image
from tensorflow_metadata.proto.v0 import statistics_pb2

from beam_jobs.html.labels import figure, percent
from beam_jobs.html.markup import element
from beam_jobs.html.plots import Part, stacked_bar
from beam_jobs.prepare.command_line import main
from beam_jobs.prepare.decision import Decision, Problem
from beam_jobs.prepare.report.page import report_page
from beam_jobs.prepare.report.samples import RECORDS_PER_SPLIT, REJECTIONS_PER_REASON
from beam_jobs.prepare.report.thumbnails import Tile
from beam_jobs.statistics.validation import Finding, Validation
from schemas.image_ids import shown_name
from schemas.manifest import Shard, Split
from schemas.shipped import load_spec
from schemas.version_files import shard_path
from tests.beam_jobs.pictures import encode, write_pair
from tests.html_pages import Page
from tests.published import make_manifest

SPEC = load_spec("pets")
IDS = [f"Bengal_{number}" for number in range(20)] + [f"pug_{number}" for number in range(20)]


def prepare(photos, output, *options):
    job = ["--dataset=pets", f"--input={photos}", f"--output={output}", "--version=1.0.0", "--image_size=32"]
    return main([*job, "--near_duplicates=ignore", *options])  # all photos are the same one


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Forty good pairs, one empty photo and one mask with an unknown value."""
    folder = tmp_path_factory.mktemp("photos")
    for image_id in IDS:
        write_pair(folder, image_id)
    write_pair(folder, "pug_100", photo=b"")
    write_pair(folder, "pug_101", mask=encode(Image.fromarray(np.full((40, 60), 9, np.uint8)), "PNG"))
    return folder


@pytest.fixture(scope="module")
def published(photos, tmp_path_factory):
    """The report of a published version."""
    output = tmp_path_factory.mktemp("published")
    assert prepare(photos, output, "--max_rejected_fraction=0.5") == 0
    return (output / "pets/1.0.0/report.html").read_text()


def test_a_published_version_is_shown_in_counts_and_pictures(published):
    page = Page(published)
    assert "Oxford-IIIT Pet 1.0.0" in page.text
    assert "42 inputs gave 40 records" in page.text
    assert "Published" in page.text
    assert "Withheld" not in page.text
    # photo and mask of twelve records of train and of every one of eval, which has fewer
    names = [attributes.get("id", "") for tag, attributes in page.elements if tag == "image"]
    shown = {split: sum(one.startswith(f"photo-{split}-") for one in names) for split in ("train", "eval")}
    assert 0 < shown["eval"] < shown["train"] == RECORDS_PER_SPLIT
    assert page.count("image") == 2 * page.classes("div").count("double")
    assert page.count("img") == 3  # of the rejected: one photo can't be shown
    assert "file has zero bytes" in page.text
    assert "value 9 (2400 pixels); known are [1, 2, 3]" in page.text
    for feature in ("brightness", "source_width", "pet_fraction", "species", "image_id", "mask"):
        assert f"\n{feature}\n" in page.text
    assert "bytes on average, 9 bytes at most" in page.text  # the longest id, Bengal_19


def test_the_page_needs_no_other_file_and_runs_nothing_but_its_own_script(published):
    page = Page(published)
    references = [
        attributes[key] for _, attributes in page.elements for key in ("href", "src", "action") if key in attributes
    ]
    assert len(references) > 40
    beside = {one for one in references if not one.startswith(("#", "data:"))}
    assert beside == {"./quarantine/"}  # which a person may open
    assert not {"iframe", "object", "form"} & {tag for tag, _ in page.elements}
    assert [attributes for tag, attributes in page.elements if tag == "script"] == [{}, {}]  # of no other file
    assert not [key for _, attributes in page.elements for key in attributes if key.startswith("on")]
    assert "url(" not in published
    assert "@import" not in published
    targets = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {one[1:] for one in references if one.startswith("#")} <= targets


def test_the_same_inputs_give_the_same_page_though_all_work_is_done_twice(photos, published, tmp_path):
    assert prepare(photos, tmp_path, "--max_rejected_fraction=0.5", "--direct_runner_bundle_repeat=1") == 0
    assert (tmp_path / "pets/1.0.0/report.html").read_text() == published


def test_a_withheld_version_begins_with_its_problems(photos, tmp_path):
    assert prepare(photos, tmp_path, "--max_rejected_fraction=0") == 1
    text = Page((tmp_path / "pets/_rejected/1.0.0/report.html").read_text()).text
    assert "Not published: one problem" in text
    assert text.index("2 of 42 inputs (4.8%) rejected") < text.index("42 inputs gave 40 records")


def make_page(problems=(), findings=(), sheets=None, quarantined=None, statistics=""):
    """A page of two records in train and none in eval."""
    shard = Shard(path=shard_path("pets", "train", 0, 1), bytes=40, records=2, sha256="0" * 64)
    quarantined = quarantined or {}
    splits = {"train": Split(records=2, shards=(shard,)), "eval": Split(records=0, shards=())}
    manifest = make_manifest(splits, quarantined=quarantined, options={"image_size": 32})
    measured = statistics_pb2.DatasetFeatureStatisticsList()
    text_format.Parse("datasets { num_examples: 2 " + statistics + FRACTIONS + " }", measured)
    empty = statistics_pb2.DatasetFeatureStatisticsList().SerializeToString()
    validation = Validation({"train": measured.SerializeToString(), "eval": empty}, {}, findings)
    return report_page(SPEC, Decision(manifest, problems, 0, ()), validation, {}, sheets or {}, {})


FRACTIONS = "".join(
    f"features {{ path {{ step: '{name}' }} num_stats {{ mean: {mean} max: 1 }} }}"
    for name, mean in zip(SPEC.fraction_features, (0.25, 0.6996, 0.0004))
)


def test_nothing_that_the_data_says_becomes_part_of_the_page():
    hostile = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp;\u202e'
    measured = (
        "features { path { step: 'breed' } string_stats { common_stats { num_non_missing: 2 } unique: 1"
        f" top_values {{ value: '{hostile}' }} }} }}"
    )
    page = Page(
        make_page(
            problems=(Problem("train", hostile, hostile),),
            findings=(Finding("train", hostile, hostile, hostile),),
            sheets={"unsafe_id": [Tile(hostile, hostile, None, b"")]},
            quarantined={"unsafe_id": 1},
            statistics=measured,
        )
    )
    assert "img" not in {tag for tag, _ in page.elements}
    assert page.count("script") == len(page.scripts) == 2
    assert not [one for one in page.scripts if "alert" in one]
    assert page.text.count(hostile) == 7
    assert shown_name(hostile) in page.text  # a caption shows no character that turns the letters around
    assert element("p", "<b>", title="'\"").replace("&#x27;", "'") == '<p title="\'&quot;">&lt;b&gt;</p>'


def test_ten_thousand_rejects_make_the_page_no_longer_than_the_twelve_that_are_shown():
    sheets = {"unsafe_id": [Tile(f"photo_{number}", "why", None, None) for number in range(REJECTIONS_PER_REASON)]}
    few, many = (make_page(sheets=sheets, quarantined={"unsafe_id": count}) for count in (12, 10_000))
    assert "12 of 10,000" in many
    assert len(many) - len(few) < 1000


def test_a_split_without_records_has_a_page_that_says_so():
    text = Page(make_page(problems=(Problem("eval", "records", "no record; every split needs one"),))).text
    assert "every split needs one" in text
    assert text.count("no record") >= len(SPEC.fraction_features)
    assert "69.9 %" in text or "70.0 %" in text
    assert "< 0.1 %" in text


def test_an_anomaly_stands_below_the_row_that_it_is_about():
    findings = (Finding("train", "pet_fraction", "rule", "too large"), Finding("eval", "hue", "schema", "is new"))
    page = Page(make_page(findings=findings))
    assert "2 anomalies." in page.text
    assert page.text.index("\npet_fraction\n") < page.text.index("too large")
    assert page.text.index("\nhue\n") < page.text.index("is new")  # even of a feature that was never measured
    assert [tag for tag, attributes in page.elements if attributes.get("class") == "bad"] == ["tr"] * 4


def test_parts_of_a_bar_are_as_long_as_their_shares():
    drawn = Page(stacked_bar([Part("cat", 0.25, "red"), Part("dog", 0.75, "blue")]))
    bars = [(float(one["x"]), float(one["width"])) for tag, one in drawn.elements if tag == "rect"]
    assert bars == [(0, 250), (250, 750)]


def test_figures_are_written_as_a_person_reads_them():
    written = {0: "0", 500: "500", 431.4667: "431.5", 0.21: "0.2100", 12400.4: "12,400", float("inf"): "inf"}
    assert {value: figure(value) for value in written} == written
    assert [percent(share) for share in (0, 0.0004, 0.4567, 1)] == ["0.0 %", "< 0.1 %", "45.7 %", "100.0 %"]
