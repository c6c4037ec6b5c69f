"""How splits and versions differ, in the words of people and by cause."""

import pytest

from beam_jobs.statistics.differences import (
    CERTAINTY,
    CLASSES,
    LIGHT,
    SIZE,
    Compared,
    describe_differences,
    differences_of_splits,
    notable_differences,
    notable_features,
)
from beam_jobs.statistics.split_summary import Numbers, SplitSummary, Words

SKEW, DRIFT = Compared("eval", "train"), Compared("train", "1.0.0", is_earlier=True)


def numbers(mean: float, deviation: float = 0.1, records: int = 200) -> Numbers:
    return Numbers(records, 0, mean, deviation, 0.0, mean, 1.0, ())


def words(records: int, **counts: int) -> Words:
    return Words(records, 0, len(counts), tuple(counts.items()))


def summary(records: int = 200, slices: dict[str, Words] | None = None, **features: Numbers) -> SplitSummary:
    return SplitSummary(records, features, slices or {}, {})


def texts(now: SplitSummary, before: SplitSummary, compared: Compared = SKEW, **titles: str) -> list[str]:
    return [one.text for one in notable_differences(now, before, compared, titles)]


def test_darker_photos_of_less_contrast_have_one_cause():
    now = summary(brightness=numbers(0.26), contrast=numbers(0.15, 0.02))
    before = summary(brightness=numbers(0.45), contrast=numbers(0.21, 0.02))
    (found,) = notable_differences(now, before, SKEW)
    assert (found.cause, found.features) == (LIGHT, ("brightness", "contrast"))
    assert found.text == (
        "eval photos are darker and have less contrast than train photos: brightness 0.26, train 0.45;"
        " contrast 0.15, train 0.21"
    )
    assert texts(summary(brightness=numbers(0.45)), summary(brightness=numbers(0.26)), DRIFT) == [
        "train photos are brighter than in 1.0.0: brightness 0.45, was 0.26"
    ]


def test_classes_are_named_as_people_write_them_the_most_different_first():
    now = summary(road_fraction=numbers(0.312), sky_fraction=numbers(0.091), car_fraction=numbers(0.3))
    before = summary(road_fraction=numbers(0.22), sky_fraction=numbers(0.258), car_fraction=numbers(0.3))
    (found,) = notable_differences(now, before, SKEW, {"road_fraction": "道路"})
    assert found.cause == CLASSES
    assert found.text == (
        "eval masks have more 道路 and less sky than train masks: sky 9.1 %, train 25.8 %; 道路 31.2 %, train 22.0 %"
        " of the pixels"
    )


def test_many_classes_are_counted_rather_than_listed():
    now = summary(**{f"c{index}_fraction": numbers(0.5) for index in range(150)})
    before = summary(**{f"c{index}_fraction": numbers(0.1) for index in range(150)})
    (text,) = texts(now, before)
    assert text.endswith("; and 146 more classes")
    assert len(text) < 300


def test_sizes_and_slices_are_causes_of_their_own():
    sides = {"source_width": numbers(1024, 10), "source_height": numbers(768, 10)}
    before = {"source_width": numbers(640, 10), "source_height": numbers(480, 10)}
    cities = {"city": words(200, bonn=180, ulm=20)}, {"city": words(200, bonn=20, ulm=180)}
    found = notable_differences(summary(200, cities[0], **sides), summary(200, cities[1], **before), SKEW)
    assert [one.cause for one in found] == [SIZE, "city"]
    assert [one.text for one in found] == [
        "eval photos are larger than train photos: 1024x768 on average, train 640x480",
        "eval photos have other shares of city than train photos: bonn 90.0 %, train 10.0 %; ulm 10.0 %, train 90.0 %",
    ]


@pytest.mark.parametrize(("records", "count"), [(10, 0), (200, 1)])
def test_what_chance_explains_is_no_difference(records, count):
    now, before = (summary(records, brightness=numbers(mean, records=records)) for mean in (0.4, 0.46))
    assert len(texts(now, before)) == count


def test_splits_that_are_alike_or_empty_have_none():
    one = summary(brightness=numbers(0.4, 0.0), sky_fraction=numbers(0.0, 0.0))
    assert differences_of_splits({"train": one, "eval": one, "test": SplitSummary(0, {}, {}, {})}) == []


def test_a_limit_that_is_passed_without_a_shift_is_a_matter_of_spread():
    now, before = summary(brightness=numbers(0.45, 0.2)), summary(brightness=numbers(0.44, 0.05))
    assert [one.text for one in describe_differences(["brightness"], now, before, SKEW)] == [
        "brightness varies differently in eval photos than in train photos: brightness 0.45 ± 0.20, train 0.44 ± 0.05"
    ]


def test_features_that_are_gone_are_left_to_the_schema():
    assert describe_differences(["gone"], summary(), summary(), DRIFT) == []


def test_answers_that_are_less_certain_have_one_cause():
    names = {"mean_confidence": 0.93, "mean_entropy": 0.08, "uncertain_share": 0.05}
    before = summary(**{name: numbers(value) for name, value in names.items()})
    now = summary(mean_confidence=numbers(0.71), mean_entropy=numbers(0.3), uncertain_share=numbers(0.25))
    (found,) = notable_differences(now, before, Compared("served", "eval"))
    assert (found.cause, found.features) == (CERTAINTY, tuple(names))
    assert found.text == (
        "served answers are less confident than eval answers: mean confidence 0.71, eval 0.93;"
        " mean entropy 0.30, eval 0.08; uncertain pixels 25.0 %, eval 5.0 %"
    )
    (found,) = notable_differences(before, now, Compared("served", "eval"))
    assert "served answers are more confident than eval answers" in found.text


def test_a_feature_that_no_record_has_does_not_differ():
    missing = numbers(0.0, 0.0)._replace(present=0, missing=200)
    assert texts(summary(brightness=missing), summary(brightness=numbers(0.45))) == []


def test_who_compares_many_things_allows_chance_more():
    now, before = summary(30, brightness=numbers(0.52, records=30)), summary(brightness=numbers(0.45))
    assert [*notable_features(now, before)] == ["brightness"]
    assert [*notable_features(now, before, standard_errors=5)] == []
