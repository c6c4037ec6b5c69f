"""Beam's options on a job's command line: what can't be is one line, without secrets and without Beam's own usage."""

import pytest

from beam_jobs.runners.beam_options import parse_beam_flags
from schemas.errors import UserError


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--direct_num_workers=-3", "^--direct_num_workers=-3: must be 0 .* or more$"),
        ("--direct_num_workers=x", "^argument --direct_num_workers: invalid int value: 'x'$"),
        ("--direct_num_workers=hf_abcdefghijklmnopqrstuvwxyz", r"invalid int value: '\*\*\*'$"),
        ("--runner=Nope", "^--runner=Nope: Beam knows no such runner; leave it out to run here"),
        ("--runner=no.such.Runner", r"^--runner=no.such.Runner: can't be made \(No module named 'no'\); leave it out"),
        ("--no_such_option", "^--no_such_option: not an option of this job or of Beam"),
    ],
)
def test_an_option_that_cannot_be_is_one_line_that_names_it(flag, message, capsys):
    with pytest.raises(UserError, match=message):
        parse_beam_flags([flag])
    assert capsys.readouterr() == ("", "")
