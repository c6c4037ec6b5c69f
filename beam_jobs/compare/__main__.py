"""Runs the command line: `python -m beam_jobs.compare`."""

import sys

from beam_jobs.compare.command_line import main
from beam_jobs.console import exit_code

if __name__ == "__main__":
    sys.exit(exit_code(main))
