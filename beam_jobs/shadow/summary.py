"""What a shadow run has found, and the files that say it: `shadow.json` and the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from apache_beam.metrics import Metrics

from beam_jobs.shadow.comparing import ALL
from beam_jobs.shadow.figures import UNIT, Estimate, Parts, Sums
from beam_jobs.shadow.finding import STAGE
from beam_jobs.shadow.gallery import Draft
from beam_jobs.shadow.limits import LIMITS, MIN_PHOTOS
from beam_jobs.shadow.page import PAGE_FILE, shadow_page
from beam_jobs.shadow.request import CANDIDATE, MODELS, SERVED, Model, Request
from beam_jobs.storage.files import write_atomically
from schemas.metrics import class_iou, mean_iou

OUTCOME_FILE = "shadow.json"
TABLE_FOLDER, REJECTED_FOLDER = "table", "rejected"
_DIGITS = 6  # significant, of every figure


class Account(NamedTuple):
    """What became of the input.

    Attributes:
      rejected: Photos that could not be read.
      problems: Files and records of the log that could not be used.
      first_problems: Some of them: (file, what is wrong).
      files: That list photos, relative to the output.
    """

    rejected: int
    problems: int
    first_problems: tuple[tuple[str, str], ...]
    files: tuple[str, ...]


def write_outcome(request: Request, sums: Mapping[str, Sums], least: list[Draft], account: Account) -> dict:
    """Writes the page and `shadow.json`, that last, and returns what it holds; no page where nothing was compared."""
    outcome = _outcome(request, sums, least, account)
    Metrics.counter(STAGE, "photos").inc(outcome["photos"]["compared"])
    if outcome["photos"]["compared"]:
        write_atomically(f"{request.output}/{PAGE_FILE}", shadow_page(request, outcome, least).encode())
    text = json.dumps(outcome, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(f"{request.output}/{OUTCOME_FILE}", text.encode())
    return outcome


def _outcome(request: Request, sums: Mapping[str, Sums], least: list[Draft], account: Account) -> dict[str, Any]:
    everything = sums.get(ALL, Sums.nothing(len(request.classes)))
    ious = class_iou(everything.matrix)
    presence = _by_class(request, everything, lambda parts: parts.shows / parts.photos[..., None, None])
    values = {
        **{name: _model(one) for name, one in zip(MODELS, request.models)},
        "classes": list(request.classes),
        "photos": {
            "folder" if request.photos else "log": request.photos or request.log,
            "compared": everything.photos,
            "rejected": account.rejected,
            "problems": account.problems,
            "first_problems": [{"file": file, "problem": problem} for file, problem in account.first_problems],
        },
        "agreement": _agreement(everything),
        "mean_iou": _number(float(mean_iou(everything.matrix))),
        "iou": {name: _number(one) for name, one in zip(request.classes, ious)},
        "confusion": everything.matrix.tolist(),
        "class_shares": _by_class(
            request, everything, lambda parts: parts.shares / parts.photos[..., None, None] / UNIT
        ),
        "presence": presence,
        "vanished": [name for name, one in presence.items() if one[SERVED] and not one[CANDIDATE]],
        "new": [name for name, one in presence.items() if one[CANDIDATE] and not one[SERVED]],
        **{name: _certainty(everything, place) for place, name in ((1, "confidence"), (2, "entropy"))},
        "latency_ms": _latency(everything),
        "slices": {name: _slice(one) for name, one in sorted(sums.items()) if name != ALL},
        "least_agreement": [{"id": one.image_id, "agreement": one.agreement} for one in least],
        "limits": LIMITS,
        "files": list(account.files),
    }
    return _rounded(values)


def _model(model: Model) -> dict[str, Any]:
    info = model.info
    return {
        "folder": model.folder,
        "model": model.digest,
        "dataset": info.dataset,
        "trained_on": info.manifest_sha256,
        "image_size": info.image_size,
        "fit": info.fit,
        "tiled": info.tiled,
    }


def _agreement(sums: Sums) -> dict[str, float | None]:
    return sums.estimate(lambda parts: parts.agreement / parts.photos / UNIT)._asdict()


def _by_class(request: Request, sums: Sums, of: Any) -> dict[str, dict[str, Any]]:
    """Class to a figure of both models and to the interval of the difference; `of` gives float64 [..., 2, C]."""
    return {name: _both(sums, lambda parts, at=at: of(parts)[..., at]) for at, name in enumerate(request.classes)}


def _certainty(sums: Sums, place: int) -> dict[str, Any]:
    def of(parts: Parts) -> Any:
        return parts.certain[..., place] / parts.certain[..., 0] / UNIT

    return _both(sums, of)


def _latency(sums: Sums) -> dict[str, Any]:
    """Time per photo of both, and how many times the served model's the candidate takes."""

    def of(parts: Parts) -> Any:
        return parts.latency / parts.photos[..., None] / 1000

    ratio = sums.estimate(lambda parts: parts.latency[..., 1] / parts.latency[..., 0])
    return {**_both(sums, of), "ratio": ratio._asdict()}


def _both(sums: Sums, of: Any) -> dict[str, Any]:
    """A figure of both models and the interval of candidate less served; `of` gives float64 [..., 2] of Parts."""
    served, candidate = (sums.estimate(lambda parts, at=at: of(parts)[..., at]).value for at in range(2))
    difference: Estimate = sums.estimate(lambda parts: of(parts)[..., 1] - of(parts)[..., 0])
    return {SERVED: served, CANDIDATE: candidate, "difference": difference._asdict()}


def _slice(sums: Sums) -> dict[str, Any]:
    """The figures of a slice; None where it has too few photos."""
    if sums.photos < MIN_PHOTOS:
        return {"photos": sums.photos, "agreement": None, "confidence": None}
    return {"photos": sums.photos, "agreement": _agreement(sums), "confidence": _certainty(sums, 1)}


def _number(value: float) -> float | None:
    return float(value) if value == value else None  # NaN is none


def _rounded(values: Any) -> Any:
    """Numbers with _DIGITS significant digits, in all that holds them."""
    if isinstance(values, dict):
        return {name: _rounded(one) for name, one in values.items()}
    if isinstance(values, list):
        return [_rounded(one) for one in values]
    return float(f"{values:.{_DIGITS}g}") if isinstance(values, float) else values
