"""What the exception of a runner says about a mistake of the user's, wherever it was found."""

import pytest

from beam_jobs.monitoring.failures import failure_cause, user_mistake
from schemas.errors import UserError
from tests.beam_jobs.jobs import GOOD, prepare

STEP = " [while running 'PlanRecords/ReadLists-ptransform-12']"
IN_A_WORKER = f"""Traceback (most recent call last):
  File "worker.py", line 1, in process
schemas.errors.UserError: lists/train.txt: is not UTF-8; save it as UTF-8{STEP}

During handling of the above exception
"""


@pytest.mark.parametrize(
    "error",
    [UserError(f"lists/train.txt: is not UTF-8; save it as UTF-8{STEP}"), RuntimeError(IN_A_WORKER)],
    ids=["in this process", "in a worker"],
)
def test_a_mistake_found_in_the_graph_is_its_own_line_without_the_step(error):
    assert str(user_mistake(error)) == "lists/train.txt: is not UTF-8; save it as UTF-8"


def test_another_failure_is_no_mistake_and_keeps_its_step():
    error = OSError(f"no such bucket{STEP}")
    assert user_mistake(error) is None
    assert failure_cause(error) == f"no such bucket{STEP}"


@pytest.mark.parametrize("mode", ["in_memory", pytest.param("multi_processing", marks=pytest.mark.proof)])
def test_a_job_with_such_a_mistake_leaves_nothing_behind(photos, tmp_path, mode):
    lists = photos / "annotations"
    (lists / "trainval.txt").write_bytes("".join(f"{one} 1 1 1\n" for one in GOOD[:30]).encode() + b"caf\xe9_1 1 1 1\n")
    (lists / "test.txt").write_text("".join(f"{one} 1 1 1\n" for one in GOOD[30:]))
    with pytest.raises(UserError, match=r"trainval\.txt") as raised:
        prepare(photos, tmp_path / "data", "1.0.0", "--split=official", f"--direct_running_mode={mode}")
    assert "while running" not in str(raised.value)
    assert list((tmp_path / "data").rglob("*.*")) == []
    assert list((tmp_path / "data").rglob("_staging")) == []
