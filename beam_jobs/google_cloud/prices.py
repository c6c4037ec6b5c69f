"""The price table: a dated YAML file that people edit, checked when it is read."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, model_validator

from schemas.documents import read_yaml
from schemas.errors import UserError
from schemas.frozen_model import FrozenModel, parse_model

PRICES_FILE = Path(__file__).with_name("prices.yaml")


class Price(FrozenModel):
    """The price of one unit.

    Attributes:
      usd: US dollars, without tax and discounts.
      source: A key of the table's `sources`.
      read: The day on which it was read there; None for an assumed price.
    """

    usd: float = Field(ge=0)
    source: str
    read: datetime.date | None = None


class PriceTable(FrozenModel):
    """The prices of one region.

    Attributes:
      region: The region of these prices.
      other_regions: Lowest and highest price in other regions, as multiples.
      stale_after_days: Prices that were read longer ago cause a warning.
      prices: Unit prices by name.
      training_machines, serving_machines: Price of an hour by machine type.
      accelerators: Price of an hour by accelerator.
    """

    currency: str
    region: str
    other_regions: tuple[float, float]
    stale_after_days: int = Field(ge=1)
    sources: dict[str, str]
    prices: dict[str, Price]
    training_machines: dict[str, Price]
    accelerators: dict[str, Price]
    serving_machines: dict[str, Price]

    @model_validator(mode="after")
    def _check_sources(self) -> PriceTable:
        tables = (self.prices, self.training_machines, self.accelerators, self.serving_machines)
        for name, price in (item for table in tables for item in table.items()):
            if price.source not in self.sources:
                raise ValueError(f"{name}: source {price.source!r} is not among the sources")
        low, high = self.other_regions
        if not 0 < low <= high:
            raise ValueError("other_regions: give the least, then the most")
        return self

    def region_factor(self, region: str | None) -> tuple[float, float]:
        """Lowest and highest price in a region, as multiples of the table's; None stands for any region."""
        return (1.0, 1.0) if region == self.region else self.other_regions

    def notes(self, used: Iterable[str], today: datetime.date) -> list[str]:
        """Lines on the age and source of the prices in use; `used` as names, `table.name` or `name`."""
        named = {name: self._find(name) for name in sorted(set(used))}
        read = {name: one.read for name, one in named.items() if one.read}
        lines = []
        if read:
            first, last = min(read.values()), max(read.values())
            days = f"{first}" if first == last else f"{first} to {last}"
            lines.append(f"prices: list prices of {self.region}, read {days}, without tax and discounts")
            if (today - first).days > self.stale_after_days:
                old = ", ".join(name for name, day in read.items() if (today - day).days > self.stale_after_days)
                lines.append(f"warning: read more than {self.stale_after_days} days ago, look them up again: {old}")
        if assumed := [name for name, one in named.items() if not one.read]:
            lines.append(f"assumed prices, not read from a price list: {', '.join(assumed)}")
        return lines

    def _find(self, name: str) -> Price:
        table, _, key = name.rpartition(".")
        return (getattr(self, table) if table else self.prices)[key]


def load_prices(path: Path = PRICES_FILE) -> PriceTable:
    """Reads a price table; UserError if it can't be read or is incomplete."""
    try:
        values = read_yaml(path)
    except OSError as error:
        raise UserError(f"{path}: can't be read: {error}") from None
    return parse_model(PriceTable, values, str(path))
