"""Runs the command line: `python -m beam_jobs.monitor`."""

import sys

from beam_jobs.console import exit_code
from beam_jobs.monitor.command_line import main

if __name__ == "__main__":
    sys.exit(exit_code(main))
