"""The program that the Flex Template's image runs to launch a job: it builds the graph for the service.

The service starts this file, not a module (FLEX_TEMPLATE_PYTHON_PY_FILE), with the template's parameters and Dataflow's
own options as flags. `--template_location` among them makes Beam write the job to a file; the service then starts it.
"""

from __future__ import annotations

import sys

from beam_jobs.console import COMMAND_LINE, CommandLine, exit_code, quiet_libraries
from beam_jobs.dataflow.options import local_places
from beam_jobs.google_cloud.dataflow_options import FIXED_FLAGS
from beam_jobs.prepare.already_published import check_same_options, read_published
from beam_jobs.prepare.command_line import add_arguments
from beam_jobs.prepare.options import PrepareOptions
from beam_jobs.prepare.place import check_places
from beam_jobs.prepare.retry_options import with_base_options
from schemas.errors import UserError
from schemas.frozen_model import parse_model


def main(arguments: list[str] | None = None) -> int:
    """Writes the job for the service; UserError if the parameters can't be used."""
    parser = CommandLine(description=__doc__, allow_abbrev=False)
    add_arguments(parser)
    known, beam_flags = parser.parse_known_args(arguments)
    quiet_libraries(verbose=False)
    values = {name: value for name, value in vars(known).items() if value is not None}
    if problems := local_places(values):
        raise UserError("\n".join(problems))
    options = parse_model(PrepareOptions, with_base_options(values), COMMAND_LINE)

    from apache_beam.options.pipeline_options import PipelineOptions, WorkerOptions

    from beam_jobs.dataflow.submission import preparation, submit

    # Unlike on a developer's command line, unknown flags are Beam's to ignore: the service may add new ones.
    pipeline_options = PipelineOptions([*beam_flags, "--sdk_location=container", *FIXED_FLAGS])
    if not pipeline_options.view_as(WorkerOptions).sdk_container_image:
        raise UserError(
            f"{COMMAND_LINE}: sdk_container_image: missing, so workers lack this package; give the image's name"
        )
    if published := read_published(options):
        check_same_options(published, options)
    else:
        check_places(options)
    submit(preparation(options), pipeline_options)
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
