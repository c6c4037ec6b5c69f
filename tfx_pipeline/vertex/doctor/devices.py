"""Runs in the doctor's CustomJob: `python -m tfx_pipeline.vertex.doctor.devices gs://BUCKET/REPORT`."""

from __future__ import annotations

import json
import sys

from beam_jobs.console import exit_code, quiet_libraries


def main(arguments: list[str] | None = None) -> int:
    """Writes the devices that TensorFlow finds to a JSON file, which also proves that the account can write there."""
    [place] = sys.argv[1:] if arguments is None else arguments
    quiet_libraries(verbose=False)

    import tensorflow as tf

    from beam_jobs.storage.files import write_atomically

    devices = [one.device_type for one in tf.config.list_physical_devices()]
    write_atomically(place, json.dumps(devices).encode())
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
