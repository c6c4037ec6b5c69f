"""What of a shadow run a person should look at: lights, which say where the models differ, and not which is right."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from beam_jobs.html.labels import counted, percent
from beam_jobs.html.lights import GOOD, LOOK, UNKNOWN, Light
from beam_jobs.shadow.request import CANDIDATE, SERVED

MIN_PHOTOS = 20  # of a slice, and of all photos, for which an interval says anything
AGREEMENT = 0.95  # share of pixels, and the low end of its interval
POINTS = 0.01  # of a class's share or of confidence: smaller differences are left alone
SLOWER = 1.1  # times the served model's time
LIMITS = {"min_photos": MIN_PHOTOS, "agreement": AGREEMENT, "points": POINTS, "slower": SLOWER}

Outcome = dict[str, Any]


def lights_of(outcome: Outcome, titles: dict[str, str]) -> list[Light]:
    """What a person should know at once.

    Args:
      outcome: As `shadow.json` has it.
      titles: Class to what people call it.
    """
    compared = outcome["photos"]["compared"]
    if compared < MIN_PHOTOS:
        few = f"too few photos: {compared} of {MIN_PHOTOS}"
        names = ("Agreement", "agreement"), ("Class shares", "classes"), ("Classes", "classes")
        lights = [Light(name, UNKNOWN, few, anchor) for name, anchor in (*names, ("Confidence", "figures"))]
        lights.append(Light("Speed", UNKNOWN, few, "figures"))
    else:
        lights = [
            _agreement(outcome),
            _shares(outcome, titles),
            _gone_or_new(outcome, titles),
            _confidence(outcome),
            _speed(outcome),
        ]
    return [*lights, *_account(outcome)]


def moved(difference: dict[str, float | None]) -> bool:
    """Whether a difference is POINTS or more, and its interval is on one side of zero."""
    value, low, high = (difference[one] for one in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return False
    return abs(value) >= POINTS and (low > 0 or high < 0)


def points(value: float) -> str:
    """A difference of two shares in percentage points, such as `+4.2`."""
    return f"{100 * value:+.1f}"


def _agreement(outcome: Outcome) -> Light:
    one = outcome["agreement"]
    words = f"{percent(one['value'])} of the pixels ({percent(one['low'])} to {percent(one['high'])})"
    return Light("Agreement", GOOD if one["low"] >= AGREEMENT else LOOK, words, "agreement")


def _shares(outcome: Outcome, titles: dict[str, str]) -> Light:
    differences = {name: one["difference"] for name, one in outcome["class_shares"].items()}
    found = sorted((name for name, one in differences.items() if moved(one)), key=_largest(differences))
    if not found:
        return Light("Class shares", GOOD, "about the same", "classes")
    most = f"{titles[found[0]]} {points(differences[found[0]]['value'])} points"
    words = most if len(found) == 1 else f"{len(found)} moved, most: {most}"
    return Light("Class shares", LOOK, words, "classes")


def _largest(differences: dict[str, dict[str, float]]) -> Any:
    return lambda name: (-abs(differences[name]["value"]), name)


def _gone_or_new(outcome: Outcome, titles: dict[str, str]) -> Light:
    words = [
        f"{what} {titles[some[0]] if len(some) == 1 else counted(len(some), 'class', 'classes')}"
        for what, some in (("never shows", outcome["vanished"]), ("newly shows", outcome["new"]))
        if some
    ]
    return Light("Classes", LOOK if words else GOOD, ", ".join(words) or "both show the same ones", "classes")


def _confidence(outcome: Outcome) -> Light:
    one = outcome["confidence"]
    if one[SERVED] is None or one[CANDIDATE] is None:
        return Light("Confidence", UNKNOWN, "not measured: export the model again", "figures")
    less = moved(one["difference"]) and one["difference"]["value"] < 0
    return Light("Confidence", LOOK if less else GOOD, f"{one[SERVED]:.3f} → {one[CANDIDATE]:.3f}", "figures")


def _speed(outcome: Outcome) -> Light:
    one = outcome["latency_ms"]
    low = one["ratio"]["low"]
    words = f"{one[SERVED]:.3g} → {one[CANDIDATE]:.3g} ms a photo, here"
    return Light("Speed", UNKNOWN if low is None else LOOK if low > SLOWER else GOOD, words, "figures")


def _account(outcome: Outcome) -> Iterator[Light]:
    photos = outcome["photos"]
    parts = [counted(photos["compared"], "photo")]
    parts += [f"{photos['rejected']:,} rejected"] if photos["rejected"] else []
    parts += [counted(photos["problems"], "problem") + " in the log"] if photos["problems"] else []
    yield Light("Photos", GOOD if len(parts) == 1 else LOOK, ", ".join(parts), "photos")
