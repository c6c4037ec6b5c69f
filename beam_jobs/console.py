"""What a person sees: calm output, progress, and one line for a mistake."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable

from schemas.errors import UserError

USER_ERROR = 2
INTERRUPTED = 130  # as shells report what Ctrl-C ended


def be_calm(verbose: bool) -> None:
    """Silences libraries, keeping errors and the project's own progress; call it before they are imported.

    Args:
      verbose: Show everything instead.
    """
    logging.basicConfig(format="%(message)s", level=logging.INFO if verbose else logging.ERROR)
    if verbose:
        return
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)  # a failure is told once, by the command line
    logging.getLogger("beam_jobs").setLevel(logging.INFO)
    warnings.simplefilter("ignore")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # for worker processes
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # oneDNN announces itself, and rounds differently each time
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")


def exit_code(command: Callable[[], int], interrupted: str = "interrupted; the same command starts over") -> int:
    """Runs a command line's work and returns the code to exit with.

    Args:
      command: Does the work and returns its own exit code. A UserError becomes one line per problem.
      interrupted: What to say where Ctrl-C ended it.
    """
    try:
        return command()
    except UserError as error:
        for line in str(error).splitlines():
            print(f"error: {line}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print(interrupted, file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
