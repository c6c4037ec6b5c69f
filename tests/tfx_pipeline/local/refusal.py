"""What the command line of a run says where it refuses."""

from tfx_pipeline.local_runner import EXIT_USER_ERROR, main


def refusal(capsys, *arguments) -> str:
    """Runs the command line, checks that it refuses, and returns its error."""
    assert main([str(argument) for argument in arguments]) == EXIT_USER_ERROR
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    return printed.err
