"""What a monitoring job has measured, and the files that say it: `drift.json`, the statistics and the page."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from apache_beam.metrics import Metrics
from tensorflow_metadata.proto.v0.statistics_pb2 import DatasetFeatureStatisticsList as Statistics

from beam_jobs.monitor.alarms import MIN_PHOTOS, Judgement
from beam_jobs.monitor.chance import FALSE_ALARMS
from beam_jobs.monitor.novelty import Learnt
from beam_jobs.monitor.page import PAGE_FILE, monitor_page
from beam_jobs.monitor.reading import Account
from beam_jobs.monitor.request import Request
from beam_jobs.monitor.selection import Selected
from beam_jobs.monitor.slices import ALL, REFERENCE, Tally
from beam_jobs.served.window import in_iso
from beam_jobs.statistics.split_summary import SplitSummary, summarise
from beam_jobs.storage.files import write_atomically
from schemas.served import FEATURE_HASH, PHOTO_HASH

DRIFT_FILE, STATISTICS_FILE = "drift.json", "statistics.pb"
NAMESPACE = "monitor"  # of Beam's metrics
DRIFT_LINE = "drift: "  # begins a line in Dataflow's log; Terraform's alert waits for it
LOGGER = "drift"  # not below `beam_jobs`, whose lines a terminal shows: it has the alarms already
_DIGITS = 6  # of means and shares; the last ones of a sum depend on its order


class Measured(NamedTuple):
    """What was measured.

    Attributes:
      statistics: Of TFDV, a dataset for each slice.
      summaries: Slice to the same, by the kind of a feature's values.
      tallies: Slice to what was counted of it.
      accounts: Folder of a log to what became of its records.
      learnt: FEATURE_HASH and PHOTO_HASH to those of train.
    """

    statistics: Statistics
    summaries: Mapping[str, SplitSummary]
    tallies: Mapping[str, Tally]
    accounts: Mapping[str, Account]
    learnt: Mapping[str, Learnt]

    @staticmethod
    def of(
        statistics: Statistics,
        tallies: Mapping[str, Tally],
        accounts: Mapping[str, Account],
        learnt: Mapping[str, Learnt],
    ) -> Measured:
        """Sorts the slices by name."""
        named = sorted((one for one in statistics.datasets if one.name), key=lambda one: one.name)
        ordered = Statistics(datasets=named)
        summaries = {one.name: summarise(Statistics(datasets=[one]).SerializeToString()) for one in named}
        return Measured(ordered, summaries, dict(sorted(tallies.items())), accounts, learnt)

    @property
    def reference(self) -> Tally:
        """Of eval's photos; of none where the reference has none."""
        return self.tallies[REFERENCE] if REFERENCE in self.tallies else Tally.nothing(0)

    @property
    def served(self) -> int:
        """How many photos of the window are judged."""
        return self.tallies[ALL].photos if ALL in self.tallies else 0


def write_outcome(request: Request, measured: Measured, judgement: Judgement, selected: Selected | None) -> dict:
    """Writes everything but the photos to label, `drift.json` last, and returns what that holds."""
    outcome = _outcome(request, measured, judgement, selected)
    _count(measured, judgement)
    statistics = measured.statistics.SerializeToString(deterministic=True)
    write_atomically(f"{request.output}/{STATISTICS_FILE}", statistics)
    page = monitor_page(outcome, measured.summaries, measured.tallies)
    write_atomically(f"{request.output}/{PAGE_FILE}", page.encode())
    write_drift(request.output, outcome)
    return outcome


def write_drift(folder: str, outcome: dict[str, Any]) -> None:
    """Writes `drift.json` of a folder."""
    text = json.dumps(outcome, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_atomically(f"{folder}/{DRIFT_FILE}", text.encode())


def _count(measured: Measured, judgement: Judgement) -> None:
    """Beam's counters, which Dataflow hands on to Cloud Monitoring, and a line of its log for each alarm."""
    for alarm in judgement.alarms:
        logging.getLogger(LOGGER).warning("%s%s", DRIFT_LINE, alarm.text)
    for name, count in {
        "records": measured.served,
        "alarms": len(judgement.alarms),
        "novel": _novel(measured.tallies.get(ALL), judgement) or 0,
    }.items():
        Metrics.counter(NAMESPACE, name).inc(count)


def _outcome(request: Request, measured: Measured, judgement: Judgement, selected: Selected | None) -> dict[str, Any]:
    account = measured.accounts.get(request.log, Account())
    kept = measured.accounts.get(request.reference, Account())
    others, first = request.left_out
    return {
        "log": request.log,
        "window": {
            "from": in_iso(request.window.start),
            "to": in_iso(request.window.end),
            "is_newest": request.is_newest,
        },
        "model": request.model._asdict(),
        **request.shown.in_json(),
        "records": {
            **_counts(request, account),
            "outside": account.outside,
            "repeated": account.repeated,
            "files": len(request.files),
            "left_out_files": others,
            "first_left_out": first,
        },
        "reference": {
            "log": request.reference,
            **_counts(request, kept),
            "train_photos": measured.learnt[FEATURE_HASH].photos,
            "train_compared": len(measured.learnt[FEATURE_HASH].array),
            "train_photos_by_looks": measured.learnt[PHOTO_HASH].photos,
            "train_compared_by_looks": len(measured.learnt[PHOTO_HASH].array),
        },
        "alarms": [_rounded(one._asdict()) for one in judgement.alarms],
        "notes": list(judgement.notes),
        "slices": {
            name: _slice(request, measured.summaries[name], one, judgement, name)
            for name, one in measured.tallies.items()
            if name in measured.summaries
        },
        "limits": {
            "min_photos": MIN_PHOTOS,
            "novel_above": judgement.novel_above,
            "comparisons": judgement.comparisons,
            "false_alarms": FALSE_ALARMS,
        },
        "to_label": selected._asdict() if selected else None,
    }


def _counts(request: Request, account: Account) -> dict[str, Any]:
    others = {str(one): count for one, count in sorted(account.models.items()) if not one.fits(request.model)}
    return {
        "read": account.read,
        "judged": account.judged,
        "other_models": others,
        "unusable": account.unusable,
        "problems": account.problems[0],
        "first_problems": [{"file": path, "problem": problem} for path, problem in account.problems[1]],
    }


def _slice(request: Request, summary: SplitSummary, one: Tally, judgement: Judgement, name: str) -> dict[str, Any]:
    """The figures of a slice, and the kinds of its alarms; those are None where there are too few photos."""
    values = {
        "photos": one.photos,
        "means": {feature: numbers.mean for feature, numbers in sorted(summary.numbers.items()) if numbers.present},
        "shows": {name: int(count) / one.photos for name, count in zip(request.classes, one.shows)},
        "novel": _share(_novel(one, judgement), one.hashed),
        "near_train": _share(one.learnt, one.compared),
        "alarms": None if name in judgement.too_few else [*judgement.beyond.get(name, ())],
    }
    return _rounded(values)


def _novel(one: Tally | None, judgement: Judgement) -> int | None:
    return None if one is None or judgement.novel_above is None else one.beyond(judgement.novel_above)


def _share(count: int | None, of: int) -> float | None:
    return count / of if count is not None and of else None


def _rounded(values: Any) -> Any:
    """Numbers with _DIGITS significant digits, in whatever holds them; infinity is none."""
    if isinstance(values, dict):
        return {name: _rounded(one) for name, one in values.items()}
    if isinstance(values, float):
        return float(f"{values:.{_DIGITS}g}") if abs(values) < float("inf") else None
    return values
