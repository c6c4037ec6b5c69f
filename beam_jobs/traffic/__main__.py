"""Runs the command line: `python -m beam_jobs.traffic`."""

import sys

from beam_jobs.console import exit_code
from beam_jobs.traffic.command_line import main

if __name__ == "__main__":
    sys.exit(exit_code(main))
