"""What the command line for Dataflow accepts, and what it says to mistakes, before anything is imported or sent."""

import re
import subprocess
import sys

import pytest

from beam_jobs.dataflow.__main__ import main
from beam_jobs.google_cloud import dataflow_options
from schemas.errors import UserError
from tests.beam_jobs.dataflow.dataflow_command import IMAGE, dataflow_arguments
from tests.beam_jobs.jobs import prepare

DIGEST = 64 * "a"


def plan(capsys, *more):
    assert main(dataflow_arguments("gs://a-bucket", "--plan", *more)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--project=123456789012", "project: give the project's id .* got '123456789012'"),
        ("--project=My Project", "project: give the project's id"),
        ("--region=europe-west1-b", r"region: give a region \(not a zone\)"),
        ("--bucket=gs://a-bucket", "bucket: give the bucket's name alone"),
        ("--bucket=a-bucket/folder", "bucket: give the bucket's name alone"),
        ("--job_name=Prepare_Pets", "job_name: give lower-case letters"),
        ("--worker_machine_type=large", "worker_machine_type: give a machine type"),
        ("--num_workers=0", "num_workers: .* got '0'"),
        ("--num_workers=20", "max_num_workers: must be at least --num_workers, 20"),
        ("--max_num_workers=many", "max_num_workers: .* got 'many'"),
        ("--disk_size_gb=10", "disk_size_gb: .* 30"),
        ("--service_account_email=me@example.com", "service_account_email: give an address such as"),
        ("--network=my/network", "network: give the name of a VPC network"),
        ("--subnetwork=default", "subnetwork: give regions/REGION/subnetworks/NAME"),
        ("--subnetwork=regions/us-east1/subnetworks/default", "subnetwork: must be in the job's region, europe-west1"),
        ("--label=team", "label: 'team' is not key=value"),
        ("--label=Team=vision", "label: 'Team=vision' is not key=value"),
        ("--label=team=the vision team", "label: .* is not key=value"),
        ("--sdk_container_image=gcr.io/a/image", "sdk_container_image: means latest"),
        ("--sdk_container_image=gcr.io/a/image:latest", "sdk_container_image: means latest"),
        ("--sdk_container_image=an image:1", "sdk_container_image: give HOST/PATH:TAG"),
        ("--sdk_container_image=gcr.io/a/image@sha256:abc", "sdk_container_image: give HOST/PATH:TAG"),
        (
            f"--sdk_container_image=gcr.io/a/image:1.0@sha256:{DIGEST}",
            "has a tag and a digest, which Vertex AI refuses",
        ),
        ("--dataflow_kms_key=my-key", "dataflow_kms_key: give projects/PROJECT/locations"),
        (
            "--dataflow_kms_key=projects/a-project/locations/us-east1/keyRings/r/cryptoKeys/k",
            "dataflow_kms_key: must be in the job's region",
        ),
        ("--input=photos", r"input: workers see Cloud Storage alone, give gs://\.\.\., got 'photos'"),
        ("--output=s3://data", "output: workers see Cloud Storage alone"),
        ("--image_size=7", "image_size: must be 0"),
        ("--temp_location=/tmp/here", "--temp_location: this command decides it"),
        ("--runner=DirectRunner", "--runner: this command decides it"),
        ("--streaming", "--streaming: this command decides it"),
        ("--save_main_session", "--save_main_session: this command decides it"),
        ("--machine_type=n1-standard-1", "--machine_type: this command decides it"),
    ],
)
def test_a_wrong_option_is_named_with_its_value_and_a_remedy(option, message):
    with pytest.raises(UserError, match=message):
        main(dataflow_arguments("gs://a-bucket", "--plan", option))


def test_a_label_that_is_given_twice_is_refused():
    with pytest.raises(UserError, match="a key is given twice"):
        main(dataflow_arguments("gs://a-bucket", "--plan", "--label=team=a", "--label=team=b"))


def test_all_mistakes_are_reported_at_once():
    with pytest.raises(UserError) as caught:
        main(dataflow_arguments("gs://a-bucket", "--plan", "--project=1", "--image_size=7", "--input=photos"))
    assert [re.match("command line: (\\w+)", line)[1] for line in str(caught.value).splitlines()] == [
        "image_size",
        "project",
        "input",
    ]


@pytest.mark.parametrize(
    "option",
    [
        "--project=example.com:my-project-1",
        "--region=northamerica-northeast2",
        "--bucket=my.bucket_1",
        "--worker_machine_type=n2-custom-4-8192-ext",
        "--service_account_email=123-compute@developer.gserviceaccount.com",
        "--service_account_email=worker@my-project-1.iam.gserviceaccount.com",
        "--network=projects/shared-host/global/networks/vpc",
        "--subnetwork=regions/europe-west1/subnetworks/workers",
        "--subnetwork=https://www.googleapis.com/compute/v1/projects/shared-host/regions/europe-west1/subnetworks/w",
        "--label=team=",
        "--sdk_container_image=europe-west1-docker.pkg.dev/my-project-1/images/segmentation:1.0.0",
        f"--sdk_container_image=localhost:5000/segmentation@sha256:{DIGEST}",
        "--dataflow_kms_key=projects/my-project-1/locations/europe-west1/keyRings/ring/cryptoKeys/key",
    ],
)
def test_every_form_that_google_documents_is_accepted(capsys, option):
    assert option.partition("=")[2] in plan(capsys, option)


def test_the_plan_shows_what_would_be_submitted_and_nothing_is_random(capsys):
    printed = plan(capsys, "--num_workers=2", "--version=2.0.0-RC1", "--label=team=vision")
    assert printed == plan(capsys, "--num_workers=2", "--version=2.0.0-RC1", "--label=team=vision")
    for expected in (
        "2 to 10 e2-standard-4, 50 GB, private addresses",
        "gs://a-bucket/data/pets/2.0.0-RC1",
        "--job_name=prepare-pets-2-0-0-rc1",
        "--temp_location=gs://a-bucket/dataflow/temp",
        "--staging_location=gs://a-bucket/dataflow/staging",
        "--labels=team=vision",
        "--no_use_public_ips",
        "--no_save_main_session",
        f"--setup_file={dataflow_options.SETUP_FILE}",
    ):
        assert expected in printed
    assert "need Cloud NAT" in printed


def test_a_container_image_takes_the_place_of_the_staged_package(capsys):
    printed = plan(capsys, f"--sdk_container_image={IMAGE}")
    assert f"--sdk_container_image={IMAGE}" in printed
    assert "--sdk_location=container" in printed
    assert "--setup_file" not in printed
    assert "Cloud NAT" not in printed


def test_the_local_command_sends_nobody_to_dataflow_by_a_bare_flag(photos, tmp_path):
    with pytest.raises(UserError, match=r"use python -m beam_jobs\.dataflow"):
        prepare(photos, tmp_path / "data", "1.0.0", "--runner=DataflowRunner")


def test_the_plan_needs_neither_beam_nor_google(tmp_path):
    code = (
        "import sys; sys.modules['apache_beam'] = sys.modules['google.auth'] = None\n"
        "from beam_jobs.dataflow.__main__ import main; sys.exit(main())"
    )
    command = [sys.executable, "-c", code, *dataflow_arguments("gs://a-bucket", "--plan")]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
