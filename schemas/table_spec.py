"""Tables beside the photos: CSV files with a row for each photo, which say its group."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator


def check_listed_path(text: str) -> str:
    """Returns the path of a list or a table if it stays below the input folder; otherwise ValueError."""
    if "://" in text or text.startswith("/") or not text or ".." in text.split("/"):
        raise ValueError("must be a path below the input folder, without '..'")
    return text


def _check_table_path(text: str) -> str:
    check_listed_path(text)
    if set(text) & set("*?{}") or any(part in ("", ".") for part in text.split("/")):
        raise ValueError("must be the path of one CSV file below the input folder, such as groups.csv")
    return text


ListPath = Annotated[str, AfterValidator(check_listed_path)]
TablePath = Annotated[str, AfterValidator(_check_table_path)]
