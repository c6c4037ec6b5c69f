"""What a check has found: one line each, fine or what to do."""

from __future__ import annotations

from typing import NamedTuple

OK, FAIL, SKIP = "ok", "FAIL", "skip"


class Finding(NamedTuple):
    """One line of the doctor's report.

    Attributes:
      state: OK, FAIL, or SKIP where it could not be found out.
      subject: What was looked at, such as `bucket gs://my-bucket`.
      text: What is there; for FAIL and SKIP, what to do.
    """

    state: str
    subject: str
    text: str

    def line(self) -> str:
        """The finding for a person."""
        return f"{self.state:<5}{self.subject}: {self.text}"
