"""The benchmark's result as tables."""

from __future__ import annotations

MIB = 1 << 20

_ROWS = {
    "bare_loop_images_per_second": ("bare loop", "images/s", 1.0),
    "graph_images_per_second": ("Beam graph", "images/s", 1.0),
    "command_images_per_second": ("whole command", "images/s", 1.0),
    "graph_to_loop": ("graph against the loop", "", 1.0),
    "command_to_loop": ("command against the loop", "", 1.0),
    "command_to_tfds": ("command against TFDS", "", 1.0),
    "first_record_seconds": ("first record after", "s", 1.0),
    "peak_bytes": ("peak memory, largest process", "MiB", MIB),
}


def print_tables(result: dict) -> None:
    """Prints one column for each number of photos and of processes."""
    columns = [
        (f"{one['images']:,} x {name.rpartition('_')[2]}", one, one[name])
        for one in result["compared"]
        for name in one
        if name.startswith("processes_")
    ]
    _row("photos x processes", [label for label, _, _ in columns], "")
    for name, (label, unit, divisor) in _ROWS.items():
        _row(label, [f"{values[name] / divisor:,.2f}" for _, _, values in columns], unit)
    _row("TFDS (one process)", [f"{one['tfds_images_per_second']:,.2f}" for _, one, _ in columns], "images/s")
    _row("bytes of a record", [f"{one['bytes_per_record']:,.0f}" for _, one, _ in columns], "")
    print("\nWhere the seconds of the whole command go")
    for name in columns[0][2]["where_the_seconds_go"]:
        seconds = [f"{values['where_the_seconds_go'][name]:,.2f}" for _, _, values in columns]
        _row(name.replace("_", " "), seconds, "s")


def _row(label: str, values: list[str], unit: str) -> None:
    print(f"{label:<32}" + "".join(f"{value:>14}" for value in values) + f"  {unit}".rstrip())
