"""What a job costs before its first photo: `python -m tests.bench.fixed_cost PHOTOS OUTPUT SIDE PROCESSES`.

Leaves seconds as JSON: of the imports, of building the graph, and of running it on a few photos.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def main(photos: str, output: str, side: str, processes: str) -> None:
    """Imports what the preparation job does, builds its graph and runs it."""
    start = time.perf_counter()
    from beam_jobs.console import quiet_libraries
    from beam_jobs.prepare.options import PrepareOptions
    from beam_jobs.runners.beam_options import parse_beam_flags

    quiet_libraries(verbose=False)
    options = PrepareOptions(
        dataset="pets", input=photos, output=output, version="1", image_size=side, max_rejected_fraction=1
    )
    flags = ["--direct_running_mode=multi_processing", f"--direct_num_workers={processes}"]
    pipeline_options = parse_beam_flags(flags if processes != "1" else [])
    from beam_jobs.prepare.pipeline import prepare
    from beam_jobs.runners.supervision import supervised_pipeline

    Path(options.staging_dir).mkdir(parents=True)
    imported = time.perf_counter()
    with supervised_pipeline(pipeline_options) as pipeline:
        prepare(pipeline, options)
        built = time.perf_counter()
    ended = time.perf_counter()
    seconds = {"imports": imported - start, "build": built - imported, "run": ended - built}
    Path(output, "seconds.json").write_text(json.dumps(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
