"""Rows of the tables that the benchmarks print."""

from __future__ import annotations

MIB = 1 << 20


def print_row(label: str, values: list[str], unit: str = "") -> None:
    """Prints a label, one value for each column, and what they are counted in."""
    print(f"{label:<32}" + "".join(f"{value:>14}" for value in values) + f"  {unit}".rstrip())
