"""HTML and SVG that is safe by construction: anything that is not Markup becomes text."""

from __future__ import annotations

import base64
from html import escape


class Markup(str):
    """Text that is already HTML; only this module makes it from data."""

    __slots__ = ()


_VOID = frozenset({"br", "img", "input", "link", "meta"})

Attribute = str | int | float


def element(name: str, /, *children: str | int, **attributes: Attribute) -> Markup:
    """One element, such as `element("p", "1 < 2", class_="note")`.

    Args:
      name: Tag.
      children: Text, which is escaped, or Markup, which is not.
      attributes: Underscores become hyphens and one at the end is dropped, so that `class_` and `aria_label` can be
        written; values are escaped.
    """
    written = "".join(f' {_attribute_name(key)}="{escape(str(value))}"' for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{written}>")
    return Markup(f"<{name}{written}>{join(*children)}</{name}>")


def join(*children: str | int) -> Markup:
    """Children one after the other; text is escaped."""
    return Markup("".join(one if isinstance(one, Markup) else escape(str(one)) for one in children))


def data_uri(media_type: str, data: bytes) -> str:
    """The bytes as a URI that needs no request (RFC 2397)."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def _attribute_name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")
