"""A worker process of a local job where none can be forked: Beam's own worker, which ends with its launcher.

Beam's worker outlives a launcher that is killed, and goes on writing until it next asks for work.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(launcher: int) -> None:
    """Runs Beam's worker until the launcher has no more work or has gone.

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
    if os.getppid() != launcher:  # it went before the line above
        sys.exit(1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
