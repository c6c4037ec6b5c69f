"""The report's first row: each light is on for what it is about, and for nothing else."""

import pytest

from beam_jobs.html.lights import BAD, GOOD, LOOK, UNKNOWN, Light, row_of_lights
from beam_jobs.near_duplicates import SplitPair
from beam_jobs.near_duplicates.pairs import Leak
from beam_jobs.prepare.decision import REJECTED_INPUTS, Decision, Problem
from beam_jobs.prepare.report.lights import data_lights
from beam_jobs.prepare.report.near_duplicates import NearDuplicateSheet
from beam_jobs.prepare.spanning_groups import SpanningGroups
from beam_jobs.rejections import NOT_LISTED
from beam_jobs.statistics.differences import Difference
from beam_jobs.statistics.split_summary import Numbers, SplitSummary
from beam_jobs.statistics.validation import Baseline, Finding, Validation
from schemas.manifest import Shard, Split
from schemas.shipped import load_spec
from schemas.version_files import shard_path
from tests.published import make_manifest

SPEC = load_spec("pets")
SHARES = (0.3, 0.6, 0.1)


def summary(shares=SHARES):
    numbers = {
        name: Numbers(10, 0, share, 0.1, 0, share, share, ()) for name, share in zip(SPEC.fraction_features, shares)
    }
    return SplitSummary(10, numbers, {}, {})


def lights(
    quarantined=(), problems=(), groups=None, findings=(), baseline=None, shares=SHARES, differences=(), leak=0, odd=0
):
    shards = {
        name: Shard(path=shard_path("pets", name, 0, 1), bytes=1000, records=10, sha256=digit * 64)
        for name, digit in (("train", "1"), ("eval", "2"))
    }
    splits = {name: Split(records=10, shards=(shard,)) for name, shard in shards.items()}
    decision = Decision(make_manifest(splits, quarantined=dict(quarantined)), problems, 0, (), groups=groups)
    leaks = (Leak(leak or 0, True, (), SplitPair("eval", "train")),)
    found = data_lights(
        SPEC,
        decision,
        Validation({}, {}, findings, baseline),
        {"train": summary(shares), "eval": summary(shares)},
        differences,
        None if leak is None else NearDuplicateSheet(leaks, {}, None),
        odd,
    )
    return {one.name: one for one in found}


def finding(kind, feature="brightness"):
    return Finding("train", feature, kind, "photos are darker")


def test_all_is_in_order_where_nothing_was_found():
    assert {name: one.state for name, one in lights().items()} == {
        "Rejected": GOOD,
        "Leaks": GOOD,
        "Masks": GOOD,
        "Balance": GOOD,
        "Splits": GOOD,
    }


TOO_MANY = Problem("", REJECTED_INPUTS, "5 of 25 inputs rejected")
SPANNING = SpanningGroups(9, 1, ("seq1 (train, eval)",))
BASELINE = Baseline("1.0.0", {})


@pytest.mark.parametrize(
    ("found", "name", "state", "text"),
    [
        ({"quarantined": {"empty_image": 5}}, "Rejected", LOOK, "5 inputs, 20.0 %"),
        ({"quarantined": {"empty_image": 5}, "problems": (TOO_MANY,)}, "Rejected", BAD, "5 inputs, 20.0 %"),
        ({"leak": 3}, "Leaks", LOOK, "near-duplicates: 3 of eval in train"),
        ({"leak": None}, "Leaks", UNKNOWN, "no search for near-duplicates"),
        ({"groups": SPANNING}, "Leaks", LOOK, "1 group is in several splits"),
        ({"odd": 2}, "Masks", LOOK, "2 unlike all others"),
        ({"shares": (0.4, 0.6, 0.0)}, "Balance", LOOK, "not shown: border (in train and eval)"),
        ({"shares": (0.4, 0.595, 0.005)}, "Balance", LOOK, "rare: border 0.5 %"),
        ({"differences": (Difference("eval", "light", "darker", ()),)}, "Splits", LOOK, "differ in light"),
        ({"findings": (finding("skew"),)}, "Splits", BAD, "too far apart in brightness"),
        ({"baseline": BASELINE}, "Drift", GOOD, "none since 1.0.0"),
        ({"baseline": BASELINE, "findings": (finding("drift"),)}, "Drift", BAD, "in brightness"),
        ({"findings": (finding("schema"), finding("rule"))}, "Statistics", BAD, "2 anomalies"),
    ],
)
def test_a_light_says_what_was_found(found, name, state, text):
    all_lights = lights(**found)
    assert (all_lights[name].state, all_lights[name].text) == (state, text)
    others = {one.state for one in all_lights.values() if one.name != name}
    assert others == {GOOD}


def test_photos_that_were_left_out_on_purpose_are_no_rejects():
    assert lights(quarantined={NOT_LISTED: 4})["Rejected"].state == GOOD


def test_what_a_light_says_is_a_link_and_needs_no_colour():
    page = row_of_lights([Light("Leaks", LOOK, "<3 & more>", "near")])
    assert 'href="#near"' in page
    assert 'aria-label="look at it"' in page
    assert "&lt;3 &amp; more&gt;" in page
