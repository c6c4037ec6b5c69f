"""Runs the command line: `python -m tfx_pipeline.train`."""

import sys

from beam_jobs.console import exit_code
from tfx_pipeline.train.command_line import main

if __name__ == "__main__":
    sys.exit(exit_code(main))
