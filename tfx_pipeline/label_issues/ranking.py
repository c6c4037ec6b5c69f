"""Which of the judged photos are suspicious, and why; and the files that say so."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import NamedTuple

from tfx_pipeline.label_issues.suspicions import Suspicion

ISSUES_FILE, QUALITY_FILE, PAGE_FILE = "label_issues.jsonl", "label_quality.csv", "label_issues.html"
DEVIATIONS = 3.5  # below the median: the usual limit of robust outlier detection (Iglewicz and Hoaglin, 1993)
TO_SIGMA = 1.4826  # median absolute deviation of a normal distribution to its standard deviation
CLEARLY_LOWER = 0.8  # of the median: scores may lie so close together that an outlier is still a good mask


class Files(NamedTuple):
    """Where a photo and its mask came from, as far as the version's account says; else empty."""

    image_uri: str = ""
    mask_uri: str = ""


class Issue(NamedTuple):
    """One photo whose mask should be looked at: what `judging.Judgement` says, and the suspicion."""

    score: float
    image_id: str
    split: str
    agreement: float
    suspicion: Suspicion
    files: Files = Files()

    def to_json(self) -> str:
        """One line of `label_issues.jsonl`, without a newline."""
        fields = {
            "id": self.image_id,
            "split": self.split,
            "score": round(self.score, 4),
            "agreement": round(self.agreement, 4),
            "kind": self.suspicion.kind,
            "detail": self.suspicion.detail,
            **self.files._asdict(),
        }
        return json.dumps(fields, ensure_ascii=False)


def limit_of(scores: Sequence[float]) -> float:
    """The score below which a photo is suspicious: far below the others, in units of how much most of them differ."""
    middle = median(scores)
    sigma = TO_SIGMA * median(abs(one - middle) for one in scores)
    return min(middle - DEVIATIONS * sigma, CLEARLY_LOWER * middle)


def issue_lines(issues: Iterable[Issue]) -> str:
    """The content of `label_issues.jsonl`."""
    return "".join(f"{one.to_json()}\n" for one in issues)


def quality_table(judgements: Iterable, suspicions: Mapping[str, Suspicion]) -> str:
    """The content of `label_quality.csv`: every photo that was judged, the lowest score first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "split", "fold", "score", "agreement", "softmin", "kind"])
    for one in judgements:
        figures = [f"{value:.4f}" for value in (one.score, one.agreement, one.softmin)]
        kind = suspicions[one.image_id].kind if one.image_id in suspicions else ""
        writer.writerow([one.image_id, one.split, one.fold, *figures, kind])
    return text.getvalue()
