"""What several jobs take means the same in each, on this machine and on Dataflow, and is refused in the same words."""

import pytest

from beam_jobs.console import CommandLine
from beam_jobs.dataflow import monitor as dataflow_monitor
from beam_jobs.dataflow import shadow as dataflow_shadow
from beam_jobs.dataflow import traffic as dataflow_traffic
from beam_jobs.monitor import command_line as monitor
from beam_jobs.shadow import command_line as shadow
from beam_jobs.traffic import command_line as traffic
from schemas.errors import UserError

JOBS = {
    "monitor": (monitor, ["--log=LOG", "--reference=LOG/other"]),
    "shadow": (shadow, ["--log=LOG", "--model=LOG/m", "--candidate=LOG/c"]),
    "traffic": (traffic, ["--log=LOG"]),
}


@pytest.mark.parametrize("job", [dataflow_monitor, dataflow_shadow, dataflow_traffic])
def test_the_jobs_of_a_log_declare_window_and_output_alike_on_both_runners(job):
    declared = [_arguments(job._JOB.add_arguments), _arguments(traffic.add_arguments)]
    for option in ("--from", "--to", "--output", "--verbose"):
        one, other = (arguments[option] for arguments in declared)
        assert (one.dest, one.metavar, one.required) == (other.dest, other.metavar, other.required)
    windows, outputs = ([str(one[option].help) for one in declared] for option in ("--to", "--output"))
    assert {one.removeprefix("of --log: ") for one in windows} == {windows[1]}
    (rule,) = {one.partition(" go; ")[2] for one in outputs}
    assert "which is replaced" in rule


@pytest.mark.parametrize("name", JOBS)
def test_an_output_that_can_not_be_used_is_refused_alike(tmp_path, name):
    log = tmp_path / "log"
    (log / "records").mkdir(parents=True)
    version = tmp_path / "1.0.0"
    version.mkdir()
    (version / "manifest.json").write_text("{}")
    job, options = JOBS[name]
    options = [one.replace("LOG", str(log)) for one in options]
    for output, said in ((log / "out", f"lies in --log {log}, which is read"), (version, "is a published version")):
        with pytest.raises(UserError) as refused:
            job.main([*options, f"--output={output}"])
        assert str(refused.value).startswith(f"--output {output}: {said}")


def _arguments(add):
    parser = CommandLine()
    add(parser)
    return {option: action for action in parser._actions for option in action.option_strings}
