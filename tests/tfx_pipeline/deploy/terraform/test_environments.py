"""Development, test and production: one Terraform, a state for each, and a promotion of the same images by digest."""

import re
import subprocess

import hcl2
import pytest
import yaml

from tests.tfx_pipeline.deploy.terraform.test_identity import FOLDER, PROJECT_DIR, blocks_of_resources, plain

ENVIRONMENTS = ("dev", "test", "prod")
WORKFLOW = yaml.safe_load((PROJECT_DIR / ".github/workflows/promote.yml").read_text())
DIGEST = "europe-west4-docker.pkg.dev/my-dev-1/segmentation/pipeline@sha256:" + "a" * 64


def test_the_state_is_remote():
    assert re.search(r'^  backend "gcs" \{\}$', (FOLDER / "versions.tf").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_has_its_own_state_and_sets_known_variables(name):
    text = (FOLDER / "environments" / f"{name}.tfvars").read_text()
    assert f"-backend-config=prefix=segmentation/{name}\n" in text
    assert f"-var-file=environments/{name}.tfvars\n" in text
    variables = {key for one in plain(hcl2.loads((FOLDER / "variables.tf").read_text()))["variable"] for key in one}
    given = {key for key in plain(hcl2.loads(text)) if not key.startswith("__")}
    assert {"project", "region", "bucket", "github_repository", "github_repository_id"} <= given <= variables


def test_each_environment_of_github_is_admitted_to_one_project():
    named = [hcl2.loads((FOLDER / "environments" / f"{one}.tfvars").read_text()) for one in ENVIRONMENTS]
    assert [plain(one["github_environment"]) for one in named] == [
        "google-cloud",
        "google-cloud-test",
        "google-cloud-prod",
    ]
    assert WORKFLOW["jobs"]["promote"]["environment"] == "google-cloud-${{ inputs.target }}"
    assert WORKFLOW[True]["workflow_dispatch"]["inputs"]["target"]["options"] == ["test", "prod"]


def test_other_environments_read_the_images_and_no_more():
    body = blocks_of_resources()["google_artifact_registry_repository_iam_member.other_environments"]
    assert re.findall(r'role += "(.*)"', body) == ["roles/artifactregistry.reader"]


def check(**changes):
    """Runs the step that checks the inputs; returns its exit code and what it says."""
    [step] = [one for one in WORKFLOW["jobs"]["promote"]["steps"] if one.get("name") == "Check the inputs"]
    values = {
        "IMAGE": DIGEST,
        "SERVING_IMAGE": DIGEST,
        "VERSION": "pets/1.1.0",
        "PROJECT": "my-prod-1",
        "REGION": "europe-west4",
        "BUCKET": "a-bucket",
    }
    ended = subprocess.run(
        ["/bin/bash", "-e", "-c", step["run"]], env=values | changes, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout


def test_images_are_promoted_by_digest():
    assert check() == (0, "")
    for name in ("IMAGE", "SERVING_IMAGE"):
        code, said = check(**{name: DIGEST.replace("@sha256:" + "a" * 64, ":1.0")})
        assert code == 2
        assert "give HOST/PATH@sha256:DIGEST" in said


@pytest.mark.parametrize("change", [{"VERSION": "../other/1.0.0"}, {"VERSION": "pets"}, {"BUCKET": ""}])
def test_what_would_lead_elsewhere_is_refused(change):
    assert check(**change)[0] == 2


def test_nothing_is_trained_before_the_doctor_has_looked():
    steps = WORKFLOW["jobs"]["promote"]["steps"]
    [command] = [one["run"] for one in steps if one.get("name") == "Examine, then train"]
    calls = re.findall(r"tfx_pipeline\.vertex (\w+) \"\$\{options\[@\]\}\"", command)
    assert calls == ["doctor", "run"]
    assert '--set="cloud.image=$IMAGE"' in command
