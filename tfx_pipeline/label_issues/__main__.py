"""Runs the command line: `python -m tfx_pipeline.label_issues`."""

import sys

from beam_jobs.console import exit_code
from tfx_pipeline.label_issues.command_line import main

if __name__ == "__main__":
    sys.exit(exit_code(main))
