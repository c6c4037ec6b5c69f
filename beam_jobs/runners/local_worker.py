"""A worker process for local jobs that cannot fork: Beam's own worker, made to end with its launcher.

Beam's worker outlives a killed launcher, and keeps writing until it next asks for work.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(launcher: int) -> None:
    """Runs Beam's worker until the launcher has no more work or is gone.

    Args:
      launcher: Process id of the launcher, the parent of this process.
    """
    end_with(launcher)
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


def end_with(launcher: int) -> None:
    """Makes this process end when its parent, `launcher`, does, and leaves Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the launcher too, which decides
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:  # it ended before the line above
        sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
