"""What the command lines of all Dataflow jobs share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from beam_jobs.google_cloud.dataflow_options import DataflowOptions
from beam_jobs.monitoring.failures import failure_cause
from beam_jobs.prepare.command_line import FAILED
from schemas.errors import UserError


def add_cloud_arguments(parser: argparse.ArgumentParser, job_name: str) -> None:
    """Adds one argument for each field of DataflowOptions, whose text the options check, `--plan` and `--no_wait`.

    `job_name` is the job's default name.
    """
    defaults = {name: field.default for name, field in DataflowOptions.model_fields.items()}
    place = parser.add_argument_group("Google Cloud, required")
    place.add_argument("--project", required=True, help="id of the project that pays")
    place.add_argument("--region", required=True, help="where the job runs, such as europe-west1; best the bucket's")
    place.add_argument("--bucket", required=True, help="for temporary files, below gs://BUCKET/dataflow/")
    workers = parser.add_argument_group("workers")
    workers.add_argument("--worker_machine_type", help=f"default {defaults['worker_machine_type']}")
    workers.add_argument("--num_workers", help="to start with (default: the service decides)")
    workers.add_argument("--max_num_workers", help=f"most workers (default {defaults['max_num_workers']})")
    workers.add_argument("--disk_size_gb", help=f"disk of a worker (default {defaults['disk_size_gb']})")
    workers.add_argument("--service_account_email", help="account that workers act as (default: Compute Engine's)")
    workers.add_argument("--sdk_container_image", help="HOST/PATH:TAG with this package; workers install nothing")
    network = parser.add_argument_group("network and keys")
    network.add_argument("--network", help="VPC network (default: default)")
    network.add_argument("--subnetwork", help="regions/REGION/subnetworks/NAME; needs Private Google Access")
    network.add_argument("--use_public_ips", action="store_true", help="give workers public addresses")
    network.add_argument("--dataflow_kms_key", help="projects/P/locations/REGION/keyRings/R/cryptoKeys/K")
    naming = parser.add_argument_group("naming")
    naming.add_argument("--job_name", help=f"default {job_name}; unique among the region's active jobs")
    naming.add_argument("--label", action="append", metavar="KEY=VALUE", help="for the bill; can be repeated")
    parser.add_argument("--plan", action="store_true", help="print what would be submitted, and stop")
    parser.add_argument("--no_wait", action="store_true", help="stop as soon as the job is submitted")


def print_network_note(options: DataflowOptions) -> None:
    """Prints what workers need to install packages, if they must."""
    if not options.sdk_container_image and not options.use_public_ips:
        print(
            "Note: to install packages, workers without public addresses need Cloud NAT; with a container image they "
            "don't.",
            flush=True,
        )


def report_failure(run: Callable[[], int], verbose: bool) -> int:
    """Runs `run`; reports an unexpected exception in one line and returns FAILED, or raises it if `verbose`."""
    try:
        return run()
    except Exception as error:  # of Beam, Google's client, or the network between them
        if verbose or isinstance(error, UserError):
            raise
        print(f"error: {failure_cause(error)}", file=sys.stderr)
        print("A job that was submitted continues. --verbose shows where this failed.", file=sys.stderr)
        return FAILED
