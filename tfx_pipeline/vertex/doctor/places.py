"""Checks that services, bucket, images, subnetwork, secret and topic exist, and are set up as they should be."""

from __future__ import annotations

import datetime
import platform
import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import NamedTuple
from urllib.parse import urlencode

from tfx_pipeline.config.cloud import is_prebuilt
from tfx_pipeline.config.pipeline import CloudPipelineConfig
from tfx_pipeline.vertex.doctor.findings import FAIL, OK, SKIP, Finding
from tfx_pipeline.vertex.doctor.google import Google, Refused
from tfx_pipeline.vertex.lineage import git_commit

SERVICES = ("aiplatform", "artifactregistry", "cloudresourcemanager", "compute", "iam", "iamcredentials", "storage")
PREBUILT_END = datetime.date(2027, 1, 14)
MANIFEST_TYPES = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.oci.image.index.v1+json",
    )
)
_IMAGE = re.compile(
    r"(?P<host>(?P<location>[a-z0-9-]+)-docker\.pkg\.dev)/(?P<project>[^/]+)/(?P<repository>[^/]+)/(?P<name>[^:@]+)"
    r"(?::(?P<tag>[^@]+)|@(?P<digest>.+))"
)


class ImagePlace(NamedTuple):
    """The location of an image in Artifact Registry.

    Attributes:
      resource: `projects/P/locations/L/repositories/R`.
      repository: `HOST/PROJECT/REPOSITORY`.
      location: Region or multi-region.
      manifest: URL of its manifest.
      blobs: URL prefix of its blobs.
    """

    resource: str
    repository: str
    location: str
    manifest: str
    blobs: str


def image_place(image: str) -> ImagePlace:
    """Returns the location of an image; an image in another registry has an empty `resource`."""
    match = _IMAGE.fullmatch(image)
    if match is None:
        return ImagePlace("", image.rpartition("/")[0], "", "", "")
    host, location, project, repository = match["host"], match["location"], match["project"], match["repository"]
    base = f"https://{host}/v2/{project}/{repository}/{match['name']}"
    return ImagePlace(
        f"projects/{project}/locations/{location}/repositories/{repository}",
        f"{host}/{project}/{repository}",
        location,
        f"{base}/manifests/{match['tag'] or match['digest']}",
        f"{base}/blobs",
    )


def check_services(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the services that a run calls are enabled."""
    project = config.cloud.project
    wanted = [*SERVICES, *(["dataflow"] if config.cloud.evaluation else [])]
    wanted += ["pubsub"] if config.cloud.topic else []
    wanted += ["secretmanager"] if config.hub is not None and not config.hub.dry_run else []
    names = [f"projects/{project}/services/{one}.googleapis.com" for one in wanted]
    query = urlencode([("names", one) for one in names])
    answer = google.get(f"https://serviceusage.googleapis.com/v1/projects/{project}/services:batchGet?{query}")
    on = {one["name"].rpartition("/")[2] for one in answer.get("services", []) if one.get("state") == "ENABLED"}
    off = [f"{one}.googleapis.com" for one in wanted if f"{one}.googleapis.com" not in on]
    if off:
        yield Finding(FAIL, "services", f"gcloud services enable {' '.join(off)} --project={project}")
    else:
        yield Finding(OK, "services", f"all {len(wanted)} are enabled")


def check_bucket(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the buckets exist, and are in the jobs' region."""
    buckets = dict.fromkeys(uri.removeprefix("gs://").partition("/")[0] for uri in (config.output, config.data))
    for bucket in buckets:
        subject = f"bucket gs://{bucket}"
        try:
            location = google.get(f"https://storage.googleapis.com/storage/v1/b/{bucket}").get("location", "")
        except Refused as refused:
            yield Finding(FAIL, subject, f"{refused}; create it with Terraform, or correct data and output")
            continue
        yield _in_region(config, subject, location.lower(), "create one there: all jobs read and write it")


def check_image(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the pipeline's image can be pulled, and contains this code, this Beam and this Python."""
    image = config.cloud.image
    yield from _check_image("image", image, config, google, ours=True)


def check_serving_image(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the endpoint's image can be pulled."""
    serving, image = config.cloud.serving, config.cloud.serving_image
    if serving is None or image is None:
        return
    if not is_prebuilt(image):
        yield from _check_image("serving image", image, config, google, ours=serving.image is None)
    elif datetime.date.today() >= PREBUILT_END:
        yield Finding(FAIL, f"serving image {image}", "Google no longer supports it; leave serving.image out")
    else:
        yield Finding(OK, f"serving image {image}", f"Google's own, until {PREBUILT_END}")


def _check_image(what: str, image: str, config: CloudPipelineConfig, google: Google, ours: bool) -> Iterator[Finding]:
    subject, place = f"{what} {image}", image_place(image)
    if not place.resource:
        yield Finding(SKIP, subject, "not in Artifact Registry; pull it by hand to check that it exists")
        return
    try:
        environment = _environment(place, google)
    except Refused as refused:
        yield Finding(FAIL, subject, f"can't be pulled ({refused}); push it with `make image`")
        return
    yield _in_region(config, f"registry {place.repository}", place.location, "push there, because every job pulls it")
    problems = list(_other_contents(environment)) if ours else []
    yield Finding(FAIL, subject, "; ".join(problems)) if problems else Finding(OK, subject, "there")


def _environment(place: ImagePlace, google: Google) -> dict[str, str]:
    """Reads the environment variables that an image sets from its configuration (OCI image specification, "config")."""
    manifest = google.get(place.manifest, Accept=MANIFEST_TYPES)
    if "manifests" in manifest:  # one for each platform
        linux = [one for one in manifest["manifests"] if one.get("platform", {}).get("architecture") == "amd64"]
        if not linux:
            raise Refused(404, "there is none for linux/amd64")
        manifest = google.get(f"{place.manifest.rpartition('/')[0]}/{linux[0]['digest']}", Accept=MANIFEST_TYPES)
    content = google.get(f"{place.blobs}/{manifest['config']['digest']}")
    return dict(one.split("=", 1) for one in content.get("config", {}).get("Env", []))


def _other_contents(environment: dict[str, str]) -> Iterator[str]:
    """How the image's contents differ from this environment, which submits the job."""
    beam, python, commit = version("apache-beam"), ".".join(platform.python_version_tuple()[:2]), git_commit()
    if (other := environment.get("BEAM_WORKER_VERSION")) != beam:
        yield f"it has Beam {other or 'unknown'}, this environment {beam}; launcher and workers need the same"
    other = environment.get("PYTHON_VERSION", "unknown")
    if not other.startswith(f"{python}."):
        yield f"it has Python {other}, this environment {python}; launcher and workers need the same"
    other = environment.get("GIT_COMMIT") or "unknown"
    if commit is not None and other != commit.removesuffix("-dirty"):
        yield f"it was built from commit {other[:12]}, this is {commit[:12]}; push this one with `make image`"
    elif commit is not None and commit.endswith("-dirty"):
        yield "this checkout has uncommitted changes, which are not in the image; commit them"


def _in_region(config: CloudPipelineConfig, subject: str, location: str, remedy: str) -> Finding:
    region = config.cloud.region
    if location == region:
        return Finding(OK, subject, f"in {region}")
    return Finding(FAIL, subject, f"in {location}, but the jobs run in {region}; {remedy}")


def check_subnetwork(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that Dataflow's workers, which have no public addresses, can reach Google's APIs."""
    workers = config.cloud.evaluation
    if workers is None or workers.use_public_ips:
        return
    region = config.cloud.region
    named = (workers.subnetwork or f"regions/{region}/subnetworks/default").removeprefix(
        "https://www.googleapis.com/compute/v1/"
    )
    subject = f"subnetwork {named}"
    path = named if named.startswith("projects/") else f"projects/{config.cloud.project}/{named}"
    try:
        subnetwork = google.get(f"https://compute.googleapis.com/compute/v1/{path}")
    except Refused as refused:
        yield Finding(FAIL, subject, f"{refused}; set cloud.evaluation.subnetwork to the one that Terraform creates")
        return
    if subnetwork.get("privateIpGoogleAccess"):
        yield Finding(OK, subject, "with Private Google Access")
    else:
        yield Finding(FAIL, subject, "without Private Google Access, so workers would hang; enable it, or name another")


def check_secret(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the token's version exists and is enabled; does not read its value."""
    if config.hub is None or config.hub.dry_run:
        return
    subject = f"secret {config.hub.token}"
    try:
        state = google.get(f"https://secretmanager.googleapis.com/v1/{config.hub.token}").get("state")
    except Refused as refused:
        if refused.status == 403:
            yield Finding(SKIP, subject, f"{refused}; get roles/secretmanager.viewer on it")
        else:
            yield Finding(FAIL, subject, f"{refused}; add a version: gcloud secrets versions add NAME --data-file=-")
        return
    if state == "ENABLED":
        yield Finding(OK, subject, "enabled")
    else:
        yield Finding(FAIL, subject, f"is {str(state).lower()}; enable it, or add another version")


def check_topic(config: CloudPipelineConfig, google: Google) -> Iterator[Finding]:
    """Checks that the topic exists that the endpoint publishes to: without it, no model can be deployed."""
    topic = config.cloud.topic
    if topic is None:
        return
    subject = f"topic {topic}"
    try:
        google.get(f"https://pubsub.googleapis.com/v1/{topic}")
    except Refused as refused:
        if refused.status == 403:
            yield Finding(SKIP, subject, f"{refused}; get roles/pubsub.viewer on it")
        else:
            remedy = "make it with Terraform (served_stream), or correct cloud.serving.log.topic"
            yield Finding(FAIL, subject, f"{str(refused).rstrip('.')}; {remedy}")
        return
    yield Finding(OK, subject, "there")
