"""Promoting, rolling back and taking down what an endpoint serves, with Google's client, against loopback."""

import io

import pytest

from schemas.errors import UserError
from tests.tfx_pipeline.vertex.test_pusher import push_model, traffic
from tfx_pipeline.vertex import __main__ as command_line
from tfx_pipeline.vertex.endpoint import Deployed, share_traffic

__all__ = ["push_model"]


@pytest.fixture
def endpoint(write_cloud_config):
    """Runs `python -m tfx_pipeline.vertex endpoint ...`; returns the exit code."""
    path = write_cloud_config()
    return lambda action, *options: command_line.main(["endpoint", f"--config={path}", action, *options])


@pytest.fixture
def answer(monkeypatch):
    """A person at a terminal who types a line."""

    def type_line(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text + "\n"))
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)

    return type_line


@pytest.mark.parametrize("percentage", [10, 20, 50])
def test_thirty_canaries_that_nobody_promotes_leave_two_models_to_pay_for(percentage):
    models, most = [], 0
    for version in range(1, 31):
        split = share_traffic(models, percentage)
        assert sum(split.values()) == 100
        pushed = Deployed(str(version), "models/1", version, split.pop("0"), "")
        models = [one._replace(share=split[one.id]) for one in models if split[one.id]] + [pushed]
        most = max(most, len(models))
    assert most == 2
    assert {one.version: one.share for one in models} == {1: 100 - percentage, 30: percentage}


def test_a_canary_takes_the_place_of_one_that_was_not_promoted(stage, push_model):
    for number in range(1, 5):
        push_model(number, traffic_percentage=20)
        assert len(traffic(stage)) == min(number, 2)
    assert traffic(stage) == {"1": 80, "4": 20}


def test_a_canary_that_is_promoted_gets_all_traffic_and_the_other_goes(stage, push_model, endpoint, capsys):
    push_model(1)
    push_model(2, traffic_percentage=10)
    assert endpoint("promote", "--yes") == 0
    assert traffic(stage) == {"2": 100}
    out = capsys.readouterr().out
    assert "This will give all traffic to version 2, and remove\n  version 1:  90 % of the traffic, 1 to 2 x" in out
    assert "endpoint pets (dedicated): 1 models, each paid for" in out


def test_a_canary_that_is_rolled_back_goes(stage, push_model, endpoint):
    push_model(1)
    push_model(2, traffic_percentage=10)
    assert endpoint("rollback", "--yes") == 0
    assert traffic(stage) == {"1": 100}


def test_a_rollback_after_the_promotion_deploys_the_earlier_version_again(stage, push_model, endpoint):
    push_model(1)
    push_model(2)
    assert endpoint("rollback", "--yes") == 0
    assert traffic(stage) == {"1": 100}
    deployed = [call.request for call in stage.service.calls if call.method == "DeployModel"][-1]
    assert deployed["deployedModel"]["dedicatedResources"]["machineSpec"] == {"machineType": "n1-standard-2"}


def test_without_an_earlier_version_nothing_is_rolled_back(push_model, endpoint):
    push_model(1)
    with pytest.raises(UserError, match="there is no version before 1"):
        endpoint("rollback", "--yes")


def test_a_teardown_leaves_nothing_to_pay_for_and_keeps_the_models(stage, push_model, endpoint):
    push_model(1)
    push_model(2, traffic_percentage=10)
    assert endpoint("teardown", "--yes") == 0
    assert not stage.service.endpoints
    [versions] = stage.service.models.values()
    assert len(versions) == 2
    with pytest.raises(UserError, match="has no endpoint 'pets'; nothing is paid for"):
        endpoint("status")


def test_status_names_models_that_are_paid_for_idly(push_model, endpoint, capsys):
    push_model(1)
    push_model(2, keep_idle_models=True)
    assert endpoint("status") == 0
    out = capsys.readouterr().out
    assert "version 2: 100 % of the traffic" in out
    assert "version 1:   0 % of the traffic, 1 to 2 x n1-standard-2; gets nothing" in out


def test_nothing_is_removed_until_somebody_has_confirmed_it(stage, push_model, endpoint, answer, monkeypatch):
    push_model(1)
    push_model(2, traffic_percentage=10)
    with monkeypatch.context() as nobody:
        nobody.setattr("sys.stdin", io.StringIO())
        with pytest.raises(UserError, match="there is no terminal to confirm on; give --yes"):
            endpoint("promote")
    for text, expected in (("", {"1": 90, "2": 10}), ("n", {"1": 90, "2": 10}), ("y", {"2": 100})):
        assert traffic(stage) == {"1": 90, "2": 10}
        answer(text)
        assert endpoint("promote") == 0
        assert traffic(stage) == expected


def test_what_is_so_already_is_left_alone(stage, push_model, endpoint, capsys):
    push_model(1)
    assert endpoint("promote", "--yes") == 0
    assert "version 1 already has all traffic" in capsys.readouterr().out
