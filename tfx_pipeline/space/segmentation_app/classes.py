"""What a model's info says of its classes: what people call them, their colours, and which one means "nothing here"."""

from __future__ import annotations

from typing import Any

BACKGROUND = "background"


def titles(info: dict[str, Any]) -> list[str]:
    """What people call the classes, in the order of class ids; models lack it where that is their names."""
    return info.get("titles") or info["classes"]


def background_id(info: dict[str, Any]) -> int | None:
    """The class that means "nothing here"; None where every class is something.

    That is the class whose name or title is "background". Of two classes without one it is the first, as 0 is in masks
    of 0 and 1. More classes without one, such as those of streets, say what every pixel is.
    """
    for names in (info["classes"], titles(info)):
        for class_id, name in enumerate(names):
            if name.casefold() == BACKGROUND:
                return class_id
    return 0 if len(info["classes"]) == 2 else None


def hex_color(rgb: list[int]) -> str:
    """An RGB colour of 0..255 as CSS writes it."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)
