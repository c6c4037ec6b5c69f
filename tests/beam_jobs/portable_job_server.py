"""Beam's own portable job server, with several workers for each job.

The server that Beam starts with `python -m apache_beam.runners.portability.local_job_service_main` gives every job one
worker, ignoring its options; the number can only be set on the runner that it makes.
Use: `python -m tests.beam_jobs.portable_job_server NUMBER --job_port=PORT`.
"""

import logging
import sys

from apache_beam.runners.portability import local_job_service, local_job_service_main
from apache_beam.runners.portability.fn_api_runner import FnApiRunner


class _ManyWorkersRunner(FnApiRunner):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._num_workers = int(sys.argv[1])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)  # logs each worker that it requests
    local_job_service.fn_runner.FnApiRunner = _ManyWorkersRunner
    local_job_service_main.run(sys.argv[2:])
