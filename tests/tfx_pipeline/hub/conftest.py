"""A Hub on loopback."""

import pytest

from tests.tfx_pipeline.hub.server import LoopbackHub, running_hub


@pytest.fixture
def hub(monkeypatch) -> LoopbackHub:
    """A Hub of its own for each test; this process and its children speak to it without Xet, which it has not."""
    from huggingface_hub import constants

    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # huggingface_hub may be imported already
    with running_hub() as running:
        yield running
