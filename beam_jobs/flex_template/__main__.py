"""Command line that writes the Flex Template's file and says how to launch it."""

from __future__ import annotations

import json
import sys

from pydantic import Field

from beam_jobs.console import CommandLine, exit_code, quiet_libraries
from beam_jobs.flex_template.container_spec import container_spec
from beam_jobs.google_cloud.dataflow_options import ContainerImage
from schemas.frozen_model import FrozenModel, parse_model

LAUNCH = """Launch it:
  gcloud dataflow flex-template run prepare-pets-1-0-0 --project=PROJECT --region=REGION \\
    --template-file-gcs-location={output} \\
    --parameters=dataset=pets,input=gs://BUCKET/photos,output=gs://BUCKET/data,version=1.0.0 \\
    --parameters=sdk_container_image={image}"""


class TemplateOptions(FrozenModel):
    """The image that launches jobs and runs workers, and the file to write, whose name ends in `.json`."""

    image: ContainerImage
    output: str = Field(pattern=r"^gs://[^/\s]+/\S+\.json$")


def main(arguments: list[str] | None = None) -> int:
    """Writes the file; UserError if image or output can't be used."""
    parser = CommandLine(
        prog="python -m beam_jobs.flex_template",
        description="Writes the file of a Dataflow Flex Template: where its image is, and which parameters it takes.",
        allow_abbrev=False,
    )
    parser.add_argument("--image", required=True, help="HOST/PATH:TAG or HOST/PATH@sha256:DIGEST, as pushed")
    parser.add_argument("--output", required=True, help="such as gs://BUCKET/templates/prepare.json")
    options = parse_model(TemplateOptions, vars(parser.parse_args(arguments)), "command line")
    quiet_libraries(verbose=False)

    from beam_jobs.storage.files import write_atomically

    write_atomically(options.output, (json.dumps(container_spec(options.image), indent=2) + "\n").encode())
    print(f"Wrote {options.output}")
    print(LAUNCH.format(output=options.output, image=options.image))
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
