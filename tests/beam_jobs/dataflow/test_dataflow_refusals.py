"""What only a command of this machine can do is refused on Dataflow, with the command that does it."""

import pytest

from beam_jobs.dataflow.monitor import main

FOLDERS = [f"--{name}=gs://bucket/{name}" for name in ("log", "reference", "output")]


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ("model", "proposes no masks; python -m beam_jobs.monitor does"),
        ("photos", "python -m beam_jobs.dataflow.predict"),
    ],
)
def test_an_option_of_the_local_monitor_is_refused_with_what_does_it_instead(capsys, option, remedy):
    with pytest.raises(SystemExit) as refused:
        main(
            [*FOLDERS, "--project=my-project-1", "--region=europe-west1", "--bucket=my-bucket", f"--{option}=gs://b/m"]
        )
    assert refused.value.code == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"error: argument --{option}: a job on Dataflow " in said
    assert remedy in said
