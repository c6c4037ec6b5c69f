"""Ports as command-line options."""

from __future__ import annotations

import argparse

HIGHEST = 65535


def port_number(text: str) -> int:
    """The `type` of an option for a port; 0 stands for any free one."""
    try:
        port = int(text)
    except ValueError:
        port = -1
    if not 0 <= port <= HIGHEST:
        raise argparse.ArgumentTypeError(f"must be a port from 0 to {HIGHEST}, got {text!r}")
    return port
