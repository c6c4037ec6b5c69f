"""Results of checks: one line each."""

from __future__ import annotations

from typing import NamedTuple

OK, FAIL, SKIP = "ok", "FAIL", "skip"


class Finding(NamedTuple):
    """One line of the doctor's report.

    Attributes:
      state: OK, FAIL, or SKIP if the check was not possible.
      subject: What was checked, such as `bucket gs://my-bucket`.
      text: The result; for FAIL and SKIP, with the remedy.
    """

    state: str
    subject: str
    text: str

    def line(self) -> str:
        """The finding as a line of text."""
        return f"{self.state:<5}{self.subject}: {self.text}"
