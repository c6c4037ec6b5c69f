"""The Hub's client, told to leave waiting and trying again to `Patience`."""

from __future__ import annotations

from huggingface_hub import HfApi, set_client_factory
from huggingface_hub.utils import disable_progress_bars, hf_raise_for_status
from huggingface_hub.utils._http import default_client_factory

MAX_SILENCE = 180.0  # seconds; the Hub takes its time over a large commit
OVERLOADED = (408, 429, 500, 502, 503, 504)


def hub_api(endpoint: str, token: str, max_silence: float = MAX_SILENCE) -> HfApi:
    """A client whose requests end, in success or in an error, without long waits of its own.

    By itself it waits for an answer without end, and for as long as a `Retry-After` says, silently.

    Args:
      endpoint: Address of the Hub.
      token: May write.
      max_silence: Seconds without a byte after which a request is given up.
    """

    def client() -> object:
        made = default_client_factory()
        made.timeout = max_silence
        made.event_hooks = {**made.event_hooks, "response": [_raise_overload]}
        return made

    set_client_factory(client)  # of the whole process
    disable_progress_bars()
    return HfApi(endpoint=endpoint, token=token)


def _raise_overload(response) -> None:
    if response.status_code in OVERLOADED:
        response.read()
        hf_raise_for_status(response)
