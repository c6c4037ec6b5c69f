"""Expands the short form of `dataset.yaml`, which people write, to the full one.

Short                                       Full
`classes: [sky, road]`                      the classes of the values 0 and 1
`classes: {0: sky, 7: road, 11: ignore}`    value, or colour as "#804080", to class; 11 has no class
`{name: Traffic sign, mask_values: 5}`      `traffic_sign` with this title, a list of one value, and its drawn colour

With `masks: {format: ...}` categories take the place of values:
`classes: [dog, cat]`                       each has the category of its name; with YOLO, its position
`classes: {dog: pet, cat: pet, bin: ignore}`  the category and its class
`unlabelled: background`                    is the first class, where no class has this name
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from schemas.class_spec import MAX_CLASS_NAME, TRANSPARENT
from schemas.colors import ALIKE, Color
from schemas.palettes import unlike_colors

IGNORE = "ignore"  # in place of a class's name
ASKED = "?"  # a value that only a person can fill in
UNSTATED = "not stated"


def expand(values: Any) -> Any:
    """Returns the values of a `dataset.yaml` in full; full values, and anything but a mapping, come back unchanged.

    Raises:
      ValueError: A person still has to fill something in.
    """
    if not isinstance(values, Mapping):
        return values
    values = dict(values)
    if open_keys := sorted(_unanswered(values)):
        raise ValueError(f"{', '.join(open_keys[:12])}: still {ASKED!r}; fill it in, as the comment in that line says")
    if isinstance(values.get("name"), str):
        values.setdefault("title", values["name"])
    values.setdefault("license", UNSTATED)
    values.setdefault("source", UNSTATED)
    masks = values.get("masks")
    kind = masks.get("format") if isinstance(masks, Mapping) else None
    if isinstance(values.get("classes"), Mapping):
        _expand_mapping(values, kind)
    classes = values.get("classes")
    if isinstance(classes, (list, tuple)):
        if kind == "yolo":
            classes = [
                {"name": one, "categories": [str(position)]} if isinstance(one, str) else one
                for position, one in enumerate(classes)
            ]
        if kind:
            values["masks"], classes = _with_unlabelled(dict(masks), classes)
        full = [_in_full(one, position, kind) for position, one in enumerate(classes)]
        values["classes"] = list(_with_colors(full))
    return values


def identifier(text: str) -> str:
    """Turns a name into letters, digits and `_`: `Traffic sign` into `traffic_sign`, `Straße` into `strasse`.

    Returns:
      Empty if the name has no Latin letter or digit.
    """
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return f"n{name}" if name[:1].isdigit() else name


def class_identifier(text: str) -> str:
    """The `identifier` of a class's name; by code points, `u9053_u8def`, where the name has no Latin letter or digit.

    Returns:
      At most MAX_CLASS_NAME characters for a name by code points; empty for an empty one.
    """
    if name := identifier(text):
        return name
    points = "_".join(f"u{ord(one):04x}" for one in unicodedata.normalize("NFKC", text.casefold()) if one != " ")
    if len(points) <= MAX_CLASS_NAME:
        return points
    digest = hashlib.sha256(points.encode()).hexdigest()[:16]
    return f"{points[: MAX_CLASS_NAME - 17]}_{digest}"


def class_colors(count: int) -> list[Color]:
    """Returns that many colours, in the order in which `expand` assigns them."""
    return list(islice(unlike_colors(), count))


def _unanswered(values: Any, place: str = "") -> Iterator[str]:
    """Yields the keys whose value is still a question mark."""
    if values == ASKED:
        yield place
    elif isinstance(values, Mapping):
        for key, value in values.items():
            yield from _unanswered(value, f"{place}.{key}".lstrip("."))
    elif isinstance(values, (list, tuple)):
        for index, value in enumerate(values):
            yield from _unanswered(value, f"{place}.{index}")


def _expand_mapping(values: dict[str, Any], annotations: str | None) -> None:
    """Replaces `classes` of value, colour or category to name, where several may have one name."""
    classes: dict[str, dict[str, Any]] = {}
    ignored: dict[str, list[Any]] = {"mask_values": [], "mask_colors": [], "categories": []}
    for key, name in values["classes"].items():
        if annotations:
            kind, value = "categories", str(key)
        elif isinstance(key, str) and not key.isdigit():
            kind, value = "mask_colors", key.lower()
        else:
            kind, value = "mask_values", int(key)
        if name == IGNORE:
            ignored[kind].append(value)
        else:
            one = classes.setdefault(str(name), {"name": name})
            one.setdefault(kind, []).append(value)
    values["classes"] = list(classes.values())
    for kind, found in ignored.items():
        if found:
            key = f"ignore_{kind.removeprefix('mask_')}"
            values[key] = [*values.get(key, ()), *found]


def _with_unlabelled(masks: dict[str, Any], classes: Sequence[Any]) -> tuple[dict[str, Any], list[Any]]:
    """Makes a class of the pixels that no annotation covers, unless there is one; its name is an identifier."""
    if isinstance(masks.get("order"), (list, tuple)):
        masks["order"] = [class_identifier(one) if isinstance(one, str) else one for one in masks["order"]]
    name = masks.get("unlabelled")
    if not isinstance(name, str) or name == IGNORE:
        return masks, list(classes)
    masks["unlabelled"] = class_identifier(name) or name
    names = [one.get("name") if isinstance(one, Mapping) else one for one in classes]
    full = list(classes)
    wanted = class_identifier(name)
    own = [index for index, one in enumerate(names) if isinstance(one, str) and class_identifier(one) == wanted]
    if not own:
        full.insert(0, {"name": name, "categories": []})
    elif isinstance(full[own[0]], str):
        full[own[0]] = {"name": full[own[0]], "categories": []}
    return masks, full


def _in_full(one: Any, position: int, annotations: str | None) -> Any:
    if isinstance(one, str):
        one = {"name": one} if annotations else {"name": one, "mask_values": [position]}
    if not isinstance(one, Mapping):
        return one
    one = dict(one)
    if annotations:
        category = one.pop("category", None)
        one.setdefault("categories", [one.get("name")] if category is None else [category])
    if isinstance(one.get("name"), str):
        written = one["name"].strip()
        one["name"] = class_identifier(written) or written
        if one["name"] != written:
            one.setdefault("title", written)
    for key in ("mask_values", "mask_colors", "categories"):
        if isinstance(one.get(key), (int, str)):
            one[key] = [one[key]]
    if isinstance(one.get("categories"), (list, tuple)):  # YOLO's are numbers
        one["categories"] = [str(name) if isinstance(name, int) else name for name in one["categories"]]
    if isinstance(one.get("mask_colors"), (list, tuple)):
        one["mask_colors"] = [color.lower() if isinstance(color, str) else color for color in one["mask_colors"]]
    return one


def _with_colors(classes: list[Any]) -> Iterator[Any]:
    """Gives each class without a colour its colour in the masks, or one unlike all other classes."""
    taken = [_rgb(one["color"]) for one in classes if isinstance(one, Mapping) and "color" in one]
    palette = unlike_colors([one for one in taken if one])
    for one in classes:
        if isinstance(one, Mapping) and "color" not in one:
            own = [_rgb(color) for color in one.get("mask_colors") or () if color != TRANSPARENT]
            color = next(color for color in chain(own, palette) if color is not None and _is_free(color, taken))
            taken.append(color)
            one = {**one, "color": "#{:02x}{:02x}{:02x}".format(*color)}
        yield one


def _is_free(color: Color, taken: list[Color | None]) -> bool:
    return not any(other and sum((one - two) ** 2 for one, two in zip(color, other)) < ALIKE**2 for other in taken)


def _rgb(color: Any) -> Color | None:
    if not isinstance(color, str) or not re.fullmatch("#[0-9a-fA-F]{6}", color):
        return None
    red, green, blue = bytes.fromhex(color[1:])
    return red, green, blue
