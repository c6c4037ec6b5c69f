"""The Hub's client: how long it waits for an answer, when it retries, and what a refusal means."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

# `HTTPError` is the HTTP library's own base class; a refused connection, which has no answer, is one too.
from huggingface_hub import HfApi, set_client_factory
from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import disable_progress_bars, hf_raise_for_status, parse_ratelimit_headers
from huggingface_hub.utils._http import default_client_factory

from schemas.errors import UserError

MAX_SILENCE = 180.0  # seconds; the Hub is slow over a large commit
OVERLOADED = (408, 429, 500, 502, 503, 504)

Result = TypeVar("Result")
# The client reads some error pages as JSON; its part that speaks to Xet storage raises Python's own connection errors.
FAILED_REQUESTS = (HTTPError, json.JSONDecodeError, ConnectionError, TimeoutError)

PASSING = (408, 409, 412, 429, 500, 502, 503, 504)  # another try may succeed
REMEDIES = {
    400: "the Hub does not accept what was sent; its message says why",
    401: "hub.token names a token that the Hub does not know; make one with the right to write"
    " at https://huggingface.co/settings/tokens",
    402: "the Hub wants payment for this: for the Space, choose kind static, which is free, or a paying account",
    403: "the token may not do this: give it the right to write, and check the owner in the repository's name",
    404: "check the repository's name, and that the token may see it",
}


class HubRefused(UserError):
    """The Hub refused, and a retry would not help."""


class HubUnavailable(Exception):
    """The Hub could not be reached, or failed at every attempt."""


def hub_api(endpoint: str, token: str, max_silence: float = MAX_SILENCE) -> HfApi:
    """A client whose requests succeed or fail without long waits of its own.

    By default, it would wait for an answer forever, and silently for as long as a `Retry-After` says.

    Args:
      endpoint: Address of the Hub.
      token: Has the right to write.
      max_silence: Seconds without a byte after which a request is given up.
    """

    def client():  # HTTPX's, by the name under which the Hub's client imports it
        made = default_client_factory()
        made.timeout = max_silence
        made.event_hooks = {**made.event_hooks, "response": [_raise_overload]}
        return made

    set_client_factory(client)  # for the whole process
    disable_progress_bars()
    return HfApi(endpoint=endpoint, token=token)


def _raise_overload(response) -> None:
    if response.status_code in OVERLOADED:
        response.read()
        hf_raise_for_status(response)


@dataclass
class RetryPolicy:
    """How often and how long a failed request is repeated.

    Attributes:
      attempts: How often a step is tried.
      first_delay: Seconds before the second try; doubled for each further one.
      max_delay: The longest of these, seconds.
      max_wait: Seconds of waiting, over all steps, after which nothing is retried.
      sleep: Waits that many seconds.
      report: Called with one line before each wait.
    """

    attempts: int = 6
    first_delay: float = 1.0
    max_delay: float = 30.0
    max_wait: float = 900.0
    sleep: Callable[[float], None] = time.sleep
    report: Callable[[str], None] = lambda line: print(line, flush=True)
    waited: float = field(default=0.0, init=False)

    def call(self, step: str, work: Callable[[], Result]) -> Result:
        """Returns what `work` returns; it may be called several times.

        Args:
          step: Name of the step, such as `make the repository acme/pets`.
          work: Does what is left to do; must be idempotent.

        Raises:
          HubRefused: With the Hub's own message and a remedy.
          HubUnavailable: After the last attempt.
        """
        for attempt in range(1, self.attempts + 1):
            try:
                return work()
            except Exception as error:
                cause = _failed_request(error)
                if cause is None:
                    raise
                words = _words(cause)
                if remedy := _remedy(cause):
                    raise HubRefused(f"the Hub refused to {step}: {words}; {remedy}") from error
                wait = self._wait(cause, attempt)
                too_long = self.waited + wait > self.max_wait
                if too_long or attempt == self.attempts:
                    why = f"it asks to wait {wait:.0f} s" if too_long else f"tried {attempt} times"
                    raise HubUnavailable(
                        f"could not {step}: {words}; {why}. Run the same command again to resume from here"
                    ) from error
                self.report(f"{step}: {words}; trying again in {wait:.0f} s ({attempt} of {self.attempts - 1})")
                self.waited += wait
                self.sleep(wait)
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _wait(self, error: Exception, attempt: int) -> float:
        """Seconds to wait: what the Hub asks for, else more after each attempt."""
        headers = error.response.headers if isinstance(error, HfHubHTTPError) else {}
        asked = headers.get("Retry-After", "")
        if asked.isdecimal():
            return float(asked)
        limit = parse_ratelimit_headers(headers)
        if limit is not None and limit.remaining == 0:
            return float(limit.reset_in_seconds)
        return min(self.first_delay * 2 ** (attempt - 1), self.max_delay)


def _failed_request(error: BaseException | None) -> Exception | None:
    """The failed request behind an exception; the client wraps those for large files."""
    while error is not None and not isinstance(error, FAILED_REQUESTS):
        error = error.__cause__
    return error


def _remedy(error: Exception) -> str:
    """The remedy for a permanent error; empty if a retry may succeed."""
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return "" if status in PASSING else REMEDIES.get(status, "its message says why")
    if isinstance(error, OfflineModeIsEnabled):
        return "unset HF_HUB_OFFLINE"
    if "xet-write-token" in str(error) and "404" in str(error):
        return "this Hub has no Xet storage: set HF_HUB_DISABLE_XET=1"
    return ""


def _words(error: Exception) -> str:
    """The Hub's message on one line, without the advice that the client adds."""
    if isinstance(error, json.JSONDecodeError):
        return "an answer that is not JSON, probably from a proxy"
    if not isinstance(error, HfHubHTTPError):
        return f"no answer ({type(error).__name__}: {' '.join(str(error).split())})"
    words = error.server_message or error.response.reason_phrase
    return f"{error.response.status_code}: {' '.join(words.split()).rstrip('.')}"
