"""What a comparison of two models of a log has found, and the files that say it: `traffic.json` and the page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from beam_jobs.monitor.reading import Account
from beam_jobs.monitor.request import Identity
from beam_jobs.served.shown_classes import read_shown_classes
from beam_jobs.served.window import in_iso
from beam_jobs.storage.files import write_atomically
from beam_jobs.traffic.figures import MIN_PHOTOS, Mean, Sums, difference, measures
from beam_jobs.traffic.page import PAGE_FILE, traffic_page
from beam_jobs.traffic.request import Request
from schemas.bounded_text import enumerated
from schemas.errors import UserError

OUTCOME_FILE = "traffic.json"
_DIGITS = 6  # significant; the last ones of a sum depend on its order


def write_outcome(request: Request, models: Mapping[Identity, Sums], account: Account) -> dict[str, Any]:
    """Writes the page and `traffic.json`, that last, and returns what it holds.

    Raises:
      UserError: The window has no two models, or not the one that is asked for.
    """
    served, candidate = _pair(request, models)
    places = list(enumerate(measures(request.classes)))
    pairs = {name: difference(Mean.of(models[served], at), Mean.of(models[candidate], at)) for at, name in places}
    shown = read_shown_classes(request.classes, ((request.log, one.model) for one in (served, candidate)))
    left = {str(one): _photos(sums) for one, sums in models.items() if one not in (served, candidate)}
    outcome = {
        "log": request.log,
        "window": {"from": in_iso(request.window.start), "to": in_iso(request.window.end)},
        "served": _model(served, models[served]),
        "candidate": _model(candidate, models[candidate]),
        **shown.in_json(),
        "measures": {name: _rounded(one._asdict()) for name, one in pairs.items()},
        "records": {
            "read": account.read,
            "judged": account.judged,
            "outside": account.outside,
            "repeated": account.repeated,
            "unusable": account.unusable,
            "problems": account.problems[0],
            "first_problems": [{"file": path, "problem": problem} for path, problem in account.problems[1]],
            "other_models": left,
        },
        "limits": {"min_photos": MIN_PHOTOS},
    }
    write_atomically(f"{request.output}/{PAGE_FILE}", traffic_page(outcome).encode())
    text = json.dumps(outcome, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(f"{request.output}/{OUTCOME_FILE}", text.encode())
    return outcome


def _pair(request: Request, models: Mapping[Identity, Sums]) -> tuple[Identity, Identity]:
    """The served model and the candidate: the two with the most records, the one with fewer of them the candidate."""
    most = sorted(models, key=lambda one: (-_photos(models[one]), one))
    if len(most) < 2:
        only = f"only model {most[0]}" if most else "no records"
        raise UserError(f"--log {request.log}: holds {only} from {request.window}; two models are needed")
    if not request.candidate:
        return most[0], most[1]
    named = [one for one in most if one.model == request.candidate]
    if not named:
        raise UserError(
            f"--candidate={request.candidate}: is not in the window; it has {enumerated([*map(str, most)])}"
        )
    return next(one for one in most if one != named[0]), named[0]


def _model(identity: Identity, sums: Sums) -> dict[str, Any]:
    times = {"first": in_iso(sums.first), "last": in_iso(sums.last)}
    return {"model": identity.model, "trained_on": identity.trained_on, "photos": _photos(sums), **times}


def _photos(sums: Sums) -> int:
    return int(sums.counts.max())


def _rounded(values: dict[str, float | None]) -> dict[str, float | None]:
    def rounded(one: float | None) -> float | None:
        return None if one is None or abs(one) == float("inf") else float(f"{one:.{_DIGITS}g}")

    return {name: rounded(one) for name, one in values.items()}
