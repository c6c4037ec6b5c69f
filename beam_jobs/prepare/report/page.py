"""The report as one HTML page: the verdict first, then counts, pictures, charts, rejects, statistics and facts."""

from __future__ import annotations

from collections.abc import Sequence

from beam_jobs.html.document import document
from beam_jobs.html.labels import by_count, in_words, percent, split_mark, split_marks, swatch
from beam_jobs.html.lights import row_of_lights
from beam_jobs.html.markup import Markup, element, join
from beam_jobs.html.pictures import viewer
from beam_jobs.html.plots import Part, stacked_bar
from beam_jobs.html.tables import SORTING
from beam_jobs.prepare.decision import Decision
from beam_jobs.prepare.report.charts import class_balance, photo_sizes, slice_chart
from beam_jobs.prepare.report.drift import drift_section
from beam_jobs.prepare.report.gallery import odd_mask_section, outlier_section, rejection_section, sample_section
from beam_jobs.prepare.report.lights import data_lights
from beam_jobs.prepare.report.mask_shapes import OddMask
from beam_jobs.prepare.report.near_duplicates import NearDuplicateSheet, near_duplicate_section
from beam_jobs.prepare.report.outliers import Outliers
from beam_jobs.prepare.report.samples import SizeCell
from beam_jobs.prepare.report.statistics_table import statistics_table
from beam_jobs.prepare.report.thumbnails import Sample, Tile
from beam_jobs.rejections import EXCLUDED
from beam_jobs.sources.left_out import LeftOut
from beam_jobs.statistics.differences import Difference, differences_of_splits
from beam_jobs.statistics.split_summary import SplitSummary, summarise, weights_in_words
from beam_jobs.statistics.validation import Validation
from schemas.bounded_text import enumerated
from schemas.manifest import Manifest
from schemas.spec import DatasetSpec

_SHOWN_PROBLEMS = 40


def report_page(
    spec: DatasetSpec,
    decision: Decision,
    validation: Validation,
    samples: dict[str, list[Sample]],
    sheets: dict[str, list[Tile]],
    sizes: dict[SizeCell, int],
    near_duplicates: NearDuplicateSheet | None = None,
    odd_masks: Sequence[OddMask] = (),
    outliers: Outliers | None = None,
) -> str:
    """The whole page; the same arguments give the same text.

    Args:
      spec: The data set's contract.
      decision: What was built, and whether it is published.
      validation: Statistics and findings of all splits.
      samples: Split to some of its records.
      sheets: Reason code to some of the inputs that were rejected for it.
      sizes: Number of photos for each cell of the size map.
      near_duplicates: The near-duplicates; None without a search.
      odd_masks: Masks that are unlike all others, the oddest first.
      outliers: The records at the ends of what was measured; None where nothing was.
    """
    manifest = decision.manifest
    summaries = {split: summarise(validation.statistics[split]) for split in manifest.split_names}
    differences = differences_of_splits(summaries, spec.fraction_titles)
    sections = [
        ("counts", "Counts", _counts(decision, weights_in_words(summaries))),
        ("photos", "Photos and masks", sample_section(spec, samples, manifest)),
        *([("extremes", "At the ends", outlier_section(spec, outliers, manifest))] if outliers else []),
        *([("odd", "Unusual masks", odd_mask_section(spec, odd_masks, manifest))] if odd_masks else []),
        ("classes", "Class balance", class_balance(spec, summaries)),
        ("sizes", "Photo sizes", photo_sizes(sizes, summaries)),
        ("slices", "Slices", _slices(spec, summaries)),
        *([("differences", "Differences between splits", _differences(differences))] if differences else []),
        *_drift(spec, validation, summaries),
        *([("near", "Near-duplicates", near_duplicate_section(near_duplicates, manifest))] if near_duplicates else []),
        ("quarantine", "Quarantine", rejection_section(spec, sheets, manifest)),
        ("statistics", "Statistics", _statistics(summaries, validation)),
        ("facts", "Facts", _facts(spec, manifest)),
    ]
    title = f"{spec.title} {manifest.version}"
    state = "withheld" if decision.problems else "published"
    lights = data_lights(spec, decision, validation, summaries, differences, near_duplicates, len(odd_masks))
    header = join(_verdict(title, decision), row_of_lights(lights))
    return document(f"{title} ({state})", header, sections, [viewer(spec), SORTING])


def _verdict(title: str, decision: Decision) -> Markup:
    manifest = decision.manifest
    heading = element("h1", title)
    if not decision.problems:
        state = element("p", "Published", class_="state published")
        return join(state, heading, element("p", _summary(manifest), class_="lead"))
    problems = [
        element(
            "li",
            *([split_mark(problem.split), " "] if problem.split else []),
            element("strong", problem.subject),
            element("span", problem.description),
        )
        for problem in decision.problems[:_SHOWN_PROBLEMS]
    ]
    hidden = len(decision.problems) - len(problems)
    more = [element("li", element("span", f"and {hidden:,} more"))] if hidden else []
    count = "one problem" if len(decision.problems) == 1 else f"{len(decision.problems)} problems"
    return join(
        element("p", "Withheld", class_="state withheld"),
        heading,
        element(
            "div",
            element("h2", f"Not published: {count}"),
            element("ul", *problems, *more),
            element("p", "Fix the inputs or the options and run the job again; no published version has changed."),
            class_="problems",
            role="alert",
        ),
        element("p", _summary(manifest), class_="lead"),
    )


def _differences(differences: list[Difference]) -> Markup:
    note = (
        "What a model is evaluated on looks different from what it learns from. That may be as you want it, where "
        "each split has other cities, videos or patients. Only limits that dataset.yaml sets (thresholds) withhold a "
        "version."
    )
    rows = [element("li", split_mark(one.split), " ", one.text) for one in differences]
    return join(element("p", note), element("ul", *rows))


def _summary(manifest: Manifest) -> str:
    splits = enumerated([f"{manifest.splits[split].records:,} for {split}" for split in manifest.split_names], " and ")
    return (
        f"{manifest.inputs:,} inputs gave {manifest.published:,} records: {splits}. "
        f"In quarantine: {_quarantined(manifest):,}. Repaired: {manifest.repaired:,}."
    )


def _quarantined(manifest: Manifest) -> int:
    return sum(manifest.quarantined.values())


def _counts(decision: Decision, weights: str) -> Markup:
    manifest = decision.manifest
    left_out = sum(count for reason, count in manifest.quarantined.items() if reason in EXCLUDED)
    account = [(split, manifest.splits[split].records, f"var(--{split})") for split in manifest.split_names]
    account.append(("rejected", _quarantined(manifest) - left_out, "var(--bad)"))
    if left_out:
        account.append(("left out", left_out, "var(--left-out)"))
    whole = max(1, manifest.inputs)
    parts = [Part(name, count / whole, color) for name, count, color in account if count]
    figures = [("inputs", manifest.inputs, ""), *account, ("repaired", manifest.repaired, "")]
    tiles = [
        element(
            "div",
            element("dt", *([swatch(color)] if color else []), name),
            element("dd", f"{count:,}", element("small", percent(count / whole) if name != "inputs" else "")),
        )
        for name, count, color in figures
    ]
    reasons = [(element("a", in_words(code), href=f"#reason-{code}"), n) for code, n in by_count(manifest.quarantined)]
    repairs = [(in_words(kind), count) for kind, count in by_count(manifest.repairs)]
    lists = [_count_list("Quarantined by reason", reasons), _count_list("Repaired by kind", repairs)]
    if decision.listed_only:
        first = f"entries of lists without any file: {enumerated(decision.listed_at)}"
        lists.append(_count_list("Listed, but not there", [(first, decision.listed_only)]))
    if decision.left_out:
        lists.append(_count_list("Left out: match no pattern", [_left_out(*one) for one in decision.left_out.items()]))
    notes = [element("p", f"{decision.groups.text}.")] if decision.groups else []
    if weights:
        notes.append(element("p", f"Weights {weights}."))
    figures_list = element("dl", *tiles, class_="figures")
    return join(figures_list, stacked_bar(parts), *notes, element("div", *lists, class_="columns"))


def _left_out(kind: str, files: LeftOut) -> tuple[str, int]:
    more = ", ..." if files.count > len(files.examples) else ""
    return f"{kind}: {', '.join(files.examples)}{more}", files.count


def _count_list(title: str, rows: Sequence[tuple[Markup | str, int]]) -> Markup:
    entries = [element("li", element("span", name), element("span", f"{n:,}", class_="number")) for name, n in rows]
    return element(
        "div", element("h3", title), element("ul", *entries, class_="counts") if entries else element("p", "None.")
    )


def _slices(spec: DatasetSpec, summaries: dict[str, SplitSummary]) -> Markup:
    if not spec.slices:
        return element("p", "This data set has none.")
    note = join("Records in ", split_marks(summaries), "; bars are shares of the split.")
    # the fewest values first: they are read at a glance
    names = sorted(spec.slice_names, key=lambda name: _value_count(name, summaries))
    return join(element("p", note), *(slice_chart(name, summaries) for name in names))


def _drift(
    spec: DatasetSpec, validation: Validation, summaries: dict[str, SplitSummary]
) -> list[tuple[str, str, Markup]]:
    """(id, heading, content) of the drift section; none without a baseline."""
    if validation.baseline is None:
        return []
    content = drift_section(spec, validation.baseline, validation, summaries)
    return [("drift", f"Drift against {validation.baseline.version}", content)]


def _value_count(name: str, summaries: dict[str, SplitSummary]) -> int:
    return max(one.words[name].unique if name in one.words else 0 for one in summaries.values())


def _statistics(summaries: dict[str, SplitSummary], validation: Validation) -> Markup:
    count = len(validation.findings)
    words = {0: "No anomaly: every feature is as the schema says.", 1: "One anomaly."}.get(count, f"{count} anomalies.")
    return join(element("p", words), statistics_table(summaries, validation.findings))


def _facts(spec: DatasetSpec, manifest: Manifest) -> Markup:
    shards = [shard for split in manifest.splits.values() for shard in split.shards]
    options = ", ".join(f"{name}={value}" for name, value in sorted(manifest.options.items()) if value is not None)
    facts = [
        ("data set", f"{manifest.dataset}: {spec.title}"),
        ("licence", spec.license),
        ("version", manifest.version),
        ("shards", f"{len(shards)} files, {sum(shard.bytes for shard in shards) / 1e6:,.1f} MB"),
        ("options", options),
        ("code version", manifest.code_version),
        ("schema, SHA-256", manifest.schema_sha256),
        ("inputs, SHA-256", manifest.inputs_sha256),
        ("options, SHA-256", manifest.options_sha256),
        ("manifest, SHA-256", manifest.sha256),
    ]
    rows = [element("div", element("dt", name), element("dd", value)) for name, value in facts]
    return element("dl", *rows, class_="facts")
