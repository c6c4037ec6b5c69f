"""How well spoilt masks are found: `python -m tests.bench.label_issues VERSION`.

Spoils some masks of the train split (swapped, inverted, shifted, fragments), ranks all of them as
`python -m tfx_pipeline.label_issues` does, with models that are trained on the spoilt masks, too, and counts how many
of the lowest are spoilt: by the score, by cleanlab's soft minimum, and by mean IoU.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from beam_jobs.codec.png import encode_mask
from schemas import features
from schemas.features import TRAIN
from schemas.version import read_version
from tests.bench.console import run_and_exit
from tests.bench.planted_masks import KINDS, read_png, spoil
from tests.bench.table import print_row
from tfx_pipeline.label_issues.cheap_training import cheap_training
from tfx_pipeline.label_issues.command_line import FOLDS
from tfx_pipeline.label_issues.folds import cut_into_folds
from tfx_pipeline.label_issues.judging import Judgement, judge
from tfx_pipeline.label_issues.page import SHOWN, label_issues_page
from tfx_pipeline.label_issues.ranking import PAGE_FILE, limit_of
from tfx_pipeline.label_issues.suspecting import explain, read_triples

MEASURES = ("score", "softmin", "agreement")


def write_spoilt(shards: Sequence[str], path: str, count: int, seed: int) -> dict[str, str]:
    """Writes the records of some shards into one file, `count` of them with spoilt masks: id to how it is spoilt."""
    examples = [tf.train.Example.FromString(one.numpy()) for one in tf.data.TFRecordDataset(list(shards))]
    held = [one.features.feature[features.MASK].bytes_list.value for one in examples]
    spoilt, planted = spoil([read_png(one[0]) for one in held], count, seed)
    with tf.io.TFRecordWriter(path) as writer:
        for position, example in enumerate(examples):
            if position in planted:
                held[position][0] = encode_mask(spoilt[position])
            writer.write(example.SerializeToString())
    ids = [one.features.feature[features.IMAGE_ID].bytes_list.value[0].decode() for one in examples]
    return {ids[position]: kind for position, kind in planted.items()}


def print_found(judgements: Sequence[Judgement], planted: dict[str, str]) -> None:
    """Prints, by each measure, how many of as many lowest photos as are spoilt are, and how many of each kind."""
    print_row("", ["of", *MEASURES])
    first = {}
    for name in MEASURES:
        ranked = sorted(judgements, key=lambda one: (getattr(one, name), one.image_id))
        first[name] = [one.image_id for one in ranked[: len(planted)]]
    print_row("all", [str(len(planted)), *(str(sum(one in planted for one in first[name])) for name in MEASURES)])
    for kind in KINDS:
        found = [str(sum(planted.get(one) == kind for one in first[name])) for name in MEASURES]
        print_row(f"  {kind}", [str(sum(one == kind for one in planted.values())), *found])


def main() -> None:
    """Spoils, trains, ranks, prints; writes the page."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.label_issues", description=__doc__.partition("\n")[0])
    parser.add_argument("version", type=Path, metavar="VERSION", help="folder of a published version")
    parser.add_argument("--share", type=float, default=0.15, help="of the masks that are spoilt (default: 0.15)")
    parser.add_argument("--seed", type=int, default=0, help="of the choice of masks and of the trainings (default: 0)")
    parser.add_argument("--folds", type=int, default=FOLDS)
    parser.add_argument("--offline", action="store_true", help="train from scratch")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="such as training.epochs=8")
    parser.add_argument("--output", type=Path, default=Path("runs/bench-label-issues"), help="folder of the page")
    options = parser.parse_args()
    version = read_version(options.version)
    split = version.manifest.splits[TRAIN]
    settings = [f"training.seed={options.seed}", *options.set]
    trained_on = split.records - split.records // options.folds
    config = cheap_training(version.manifest, trained_on, options.offline, settings)
    start, processor = time.monotonic(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/spoilt.tfrecord"
        shards = [str(options.version / shard.path) for shard in split.shards]
        planted = write_spoilt(shards, path, round(options.share * split.records), options.seed)
        folds = cut_into_folds({TRAIN: [path]}, options.folds, Path(folder), version.spec.names_groups)
        judgements = judge(folds, config, version)
        minutes = [(now - then) / 60 for now, then in ((time.monotonic(), start), (time.process_time(), processor))]
        limit = limit_of([one.score for one in judgements])
        listed = [one for one in judgements if one.score <= limit]
        issues = explain(listed, folds, options.version, version.spec)
        triples = read_triples(listed[:SHOWN], folds)
    print_found(judgements, planted)
    right = sum(one.image_id in planted for one in issues)
    print(f"listed without --worst: {len(issues)}, of which {right} are spoilt")
    print("minutes: {:.1f}, of processors {:.1f}".format(*minutes))
    for kind in KINDS:
        named = Counter(one.suspicion.kind for one in issues if planted.get(one.image_id) == kind)
        print(f"  {kind} are called " + ", ".join(f"{name} {count}" for name, count in named.most_common()))
    good = np.array([one.score for one in judgements if one.image_id not in planted])
    print(f"scores of good masks: 1 % below {np.quantile(good, 0.01):.2f}, median {np.median(good):.2f}")
    options.output.mkdir(parents=True, exist_ok=True)
    scores = [one.score for one in judgements]
    page = label_issues_page(version.spec, version.manifest, scores, limit, issues, triples)
    (options.output / PAGE_FILE).write_text(page, encoding="utf-8")
    print(f"In a browser: {options.output / PAGE_FILE}")


if __name__ == "__main__":
    run_and_exit(main)
