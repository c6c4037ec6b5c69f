"""Every fault of the table: the push comes to the same end as without it, or says why not."""

import socket
import threading

import pytest
from huggingface_hub import constants

from tests.tfx_pipeline.hub.api import WRITE_TOKEN
from tests.tfx_pipeline.hub.fault_table import CASES, outcome
from tests.tfx_pipeline.hub.faults import Fault
from tests.tfx_pipeline.hub.pushes import FILES, held, push
from tfx_pipeline.hub.client import HubRefused, HubUnavailable

SURVIVED = [case for case in CASES if not case.refusal]
REFUSED = [case for case in CASES if case.refusal]


@pytest.mark.parametrize("case", SURVIVED, ids=lambda case: case.name)
def test_the_hub_holds_the_same_after_a_fault_as_without_it(hub, case):
    result = outcome(hub, case)
    assert result.message == ""
    assert (result.same, result.commits, result.tagged) == (True, 1, True)
    assert all(fault.hits for fault in hub.faults)
    assert result.requests <= 30


@pytest.mark.parametrize("case", [case for case in SURVIVED if case.waits], ids=lambda case: case.name)
def test_a_push_waits_as_long_as_the_hub_asks_and_says_so(hub, case):
    [line] = outcome(hub, case).lines
    assert "429: injected" in line
    assert f"trying again in {case.waits:.0f} s" in line


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_what_cannot_be_survived_is_reported_in_the_hubs_words_with_what_was_done(hub, case):
    result = outcome(hub, case)
    assert case.refusal in result.message
    assert "nothing was changed there" in result.message or "done before: the repository was made" in result.message
    assert result.commits == 0
    assert case.token not in result.message


def test_a_refused_connection_is_tried_again_until_the_bound(hub):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        hub.endpoint = f"http://127.0.0.1:{unused.getsockname()[1]}"
        lines = []
        with pytest.raises(HubUnavailable, match=r"no answer \(ConnectError: .*tried 6 times"):
            push(hub, lines=lines)
    assert len(lines) == 5


def test_a_hub_that_falls_silent_is_given_up_and_asked_again(hub):
    released = threading.Event()
    hub.faults.append(Fault("POST .*/commit/", hold=released))
    lines = []
    try:
        push(hub, lines=lines, max_silence=0.5)
    finally:
        released.set()
    assert held(hub) == FILES
    [line] = lines
    assert "no answer (ReadTimeout" in line


def test_a_hub_that_does_not_hold_what_was_sent_is_not_believed(hub):
    hub.faults.append(Fault("GET .*/tree/", status=200, body=b"[]", first=2, last=2))
    with pytest.raises(HubRefused, match=r"does not hold what was sent to it: .*done before: .*commit \w{40} was made"):
        push(hub)


def test_a_hub_without_xet_storage_is_reported_with_the_setting_for_it(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", False)
    with pytest.raises(HubRefused, match="this Hub has no Xet storage: set HF_HUB_DISABLE_XET=1"):
        push(hub)


def test_an_offline_client_is_not_waited_for(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    lines = []
    with pytest.raises(HubRefused, match="unset HF_HUB_OFFLINE"):
        push(hub, lines=lines)
    assert lines == []


def test_a_run_that_gave_up_is_resumed_by_the_next_one(hub):
    [case] = [case for case in REFUSED if case.name == "the Hub wants an hour"]
    assert outcome(hub, case).same is False
    hub.faults.clear()
    pushed = push(hub)
    assert held(hub) == FILES
    assert hub.model("acme/pets").tags[pushed.tag] == pushed.commit
    assert len(hub.asked("POST", "/api/repos/create")) == 1


def test_a_space_is_refused_like_a_model(hub):
    hub.api.gradio_needs_pro = True
    with pytest.raises(HubRefused, match=r"Space repository acme/demo: .* 402: .*choose kind static"):
        push(hub, repo_id="acme/demo", kind="space", sdk="gradio")
    push(hub, repo_id="acme/demo", kind="space", sdk="static")
    assert held(hub, "space", "acme/demo") == FILES


def test_the_token_travels_in_the_header_alone(hub):
    push(hub)
    assert {request.token for request in hub.requests if "/lfs/" not in request.path} == {WRITE_TOKEN}
    assert not any(WRITE_TOKEN in request.path or WRITE_TOKEN.encode() in request.body for request in hub.requests)
