"""Manifests, configurations and lists of ids that harm: in their bytes, their syntax, their encoding, their values."""

from __future__ import annotations

import codecs
import hashlib
import json
from typing import Any

from schemas.features import TRAINING_SPLITS
from schemas.version_files import shard_path
from tests.fuzz.mutations import Random, damaged, hostile_text, with_hostile_values

_YAML_PIECES = (
    "*alias",
    "&anchor value",
    "&a [*a, *a]",
    "!!python/object/apply:os.system ['true']",
    "!!binary aGVsbG8=",
    "!!set {a, b}",
    "!!timestamp 12",
    "!!int ''",
    "!!bool perhaps",
    "!!float x",
    "!local tag",
    "2026-02-30",
    ".inf",
    "1e999",
    "1:59:59",
    "0b2",
    "9" * 5_000,
    "~",
    "{? [a, b] : c}",
    "<<: {name: other}",
    "'",
    '"\\xZZ"',
    "\t- a",
    "- - - - -",
    "hf_abcdefghijklmnopqrstuvwx",
    "|",
    "%YAML 9.9",
    "--- a\n--- b",
    "\u2028",
)


def manifest_values() -> dict[str, Any]:
    """A manifest that adds up, as plain values."""
    options: dict[str, Any] = {"image_size": 64, "split": "hash", "eval_fraction": 0.2, "jpeg_quality": None}
    splits = {}
    for split in TRAINING_SPLITS:
        shards = [
            {
                "path": shard_path("pets", split, index, 2),
                "bytes": 5_000,
                "records": 10,
                "sha256": hashlib.sha256(f"{split} {index}".encode()).hexdigest(),
            }
            for index in range(2)
        ]
        splits[split] = {"records": 20, "shards": shards}
    return {
        "dataset": "pets",
        "version": "1.0.0",
        "image_size": 64,
        "splits": splits,
        "inputs": 42,
        "published": 40,
        "quarantined": {"damaged_image": 2},
        "repaired": 1,
        "repairs": {"gif": 1},
        "schema_sha256": "0" * 64,
        "inputs_sha256": "1" * 64,
        "options": options,
        "options_sha256": hashlib.sha256(json.dumps(options, sort_keys=True).encode()).hexdigest(),
        "code_version": "0.1.0",
    }


def hostile_json(rng: Random, values: Any) -> bytes:
    """A JSON document like one of the values, in which something is wrong; sometimes nothing is."""
    choice = rng.random()
    if choice < 0.1:
        deep = rng.choice((20, 200, 100_000))
        opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
        return opening * deep + b"1" + closing * (deep if rng.random() < 0.5 else 0)
    text = json.dumps(values if choice < 0.4 else with_hostile_values(rng, values), indent=rng.choice((None, 2)))
    if choice > 0.8:  # a duplicate key
        place = text.rfind(",", 0, rng.randrange(1, len(text) + 1))
        text = f"{text[:place]},{text[1 : place + 1]}{text[place + 1 :]}" if place > 0 else text
    data = _encoded(rng, text)
    return damaged(rng, data) if choice < 0.4 and data else data


def hostile_yaml(rng: Random, text: str) -> bytes:
    """A YAML document like the text, in which something is wrong; sometimes nothing is."""
    choice = rng.random()
    if choice < 0.05:
        anchors = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 10)]
        return "\n".join(["a0: &a0 [lol]", *anchors]).encode()
    if choice < 0.1:
        return rng.choice(("[", "{a: ", "- ", "? ")).encode() * rng.choice((30, 5_000))
    lines = text.splitlines()
    for _ in range(rng.choice((1, 1, 2, 4))):
        index = rng.randrange(len(lines))
        key = lines[index].partition(":")[0]
        change = rng.randrange(6)
        if change == 0:
            lines[index] = f"{key}: {rng.choice(_YAML_PIECES)}"
        elif change == 1:
            lines[index] = f"{key}: {json.dumps(hostile_text(rng))}"
        elif change == 2:
            lines.insert(index, lines[rng.randrange(len(lines))])
        elif change == 3 and len(lines) > 1:
            del lines[index]
        elif change == 4:
            lines[index] = " " * rng.randint(0, 4) + lines[index].strip()
        else:
            lines.insert(index, rng.choice(_YAML_PIECES))
    data = _encoded(rng, "\n".join(lines))
    return damaged(rng, data) if rng.random() < 0.2 and data else data


def hostile_list(rng: Random, ids: list[str]) -> bytes:
    """An official list of some ids, each on a line of its own, with what else such files hold."""
    lines = []
    for image_id in ids:
        lines.append(rng.choice((image_id, f"{image_id} 1 1 1", f"  {image_id}", f"{image_id}\t{hostile_text(rng)}")))
        if rng.random() < 0.1:
            lines.append(rng.choice(("", "# a comment", " # another", hostile_text(rng), "x" * 100_000)))
    data = _encoded(rng, rng.choice(("\n", "\r\n", "\r")).join(lines))
    return damaged(rng, data) if rng.random() < 0.3 and data else data


def _encoded(rng: Random, text: str) -> bytes:
    encoding = rng.choice(("utf-8",) * 6 + ("utf-8-sig", "utf-16", "utf-16-le", "latin-1", "utf-32"))
    data = text.encode(encoding, "replace" if encoding == "latin-1" else "surrogatepass")
    return rng.choice((b"",) * 9 + (codecs.BOM_UTF16_BE,)) + data
