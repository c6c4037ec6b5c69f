"""Checks a request to watch a stream before a job is built: the subscription, the reference, the output."""

from __future__ import annotations

import re
from typing import NamedTuple

from beam_jobs.monitor.request import Request, reference_request
from beam_jobs.served.window import Window
from schemas.errors import UserError
from schemas.served import HOUR, hour_folder

MAX_LATENESS = 24 * 60  # minutes
DEFAULT_LATENESS = 10
DEFAULT_HOURS = 1
SUBSCRIPTION = re.compile(r"projects/[a-z0-9.:-]+/subscriptions/[A-Za-z][\w.~+%-]{2,254}")
_MINUTE = 60_000  # milliseconds


class StreamRequest(NamedTuple):
    """What is watched.

    Attributes:
      request: The reference and the output; its log is the subscription, and its window stands for every window.
      step: Length of a window, milliseconds; the day is a multiple of it.
      lateness: How long after its end a window waits for messages, milliseconds.
    """

    request: Request
    step: int
    lateness: int

    @property
    def output(self) -> str:
        """The folder that has one for each window."""
        return self.request.output

    def of_window(self, start: int) -> Request:
        """The request of the window that starts at a time in milliseconds."""
        folder = f"{self.output}/{hour_folder(start)}"
        return self.request._replace(window=Window(start, start + self.step), output=folder)


def make_stream_request(
    subscription: str,
    reference: str,
    output: str,
    hours: int = DEFAULT_HOURS,
    lateness: int = DEFAULT_LATENESS,
) -> StreamRequest:
    """Lists the reference and reads a record of it.

    Args:
      subscription: `projects/PROJECT/subscriptions/NAME`, of a topic that `schemas.served` records are published to.
      reference: Folder of the log of the splits of the version that the model was trained on.
      output: Folder that has a folder for each window, such as `2026-11-29/21`.
      hours: Of a window, a divisor of 24.
      lateness: Minutes that a window waits for late messages after its end.

    Raises:
      UserError: Names what can't be used, by the option of the command line.
    """
    if not SUBSCRIPTION.fullmatch(subscription):
        raise UserError(f"--subscription={subscription}: write it as projects/PROJECT/subscriptions/NAME")
    if not 1 <= hours <= 24 or 24 % hours:
        raise UserError(f"--window_hours={hours}: must be 1, 2, 3, 4, 6, 8, 12 or 24, so that days begin with a window")
    if not 0 <= lateness <= MAX_LATENESS:
        raise UserError(f"--lateness={lateness}: must be from 0 to {MAX_LATENESS:,} minutes")
    request = reference_request(subscription, reference, output)
    return StreamRequest(request, hours * HOUR, lateness * _MINUTE)
