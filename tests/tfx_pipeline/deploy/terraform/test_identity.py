"""The Terraform of accounts, roles and network: it parses, its references resolve, and README.md shows its table."""

import datetime
import json
import re
import shutil
import subprocess
from pathlib import Path

import hcl2
import pytest
import yaml

from tfx_pipeline.deploy import container as image

PROJECT_DIR = Path(image.__file__).parents[3]
FOLDER = PROJECT_DIR / "tfx_pipeline/deploy/terraform"
FILES = sorted(FOLDER.glob("*.tf"))
PLACES = {
    "project": "the project",
    "bucket": "the bucket",
    "registry": "the registry",
    "secret": "the secret `hugging-face-token`",
    "service": "the trigger",
    "topic": "the topic `served`",
    "subscription": "the subscription `served`",
    "job": "the job `monitor`",
}


def plain(value):
    """Without the quotes that the parser keeps, and without its own marks."""
    if isinstance(value, dict):
        return {plain(key): plain(one) for key, one in value.items() if not key.startswith("__")}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value.strip('"') if isinstance(value, str) else value


@pytest.fixture(scope="module")
def parsed():
    """All blocks of all files, by kind: `resource` to a list, and so on."""
    blocks = {}
    for path in FILES:
        for kind, content in plain(hcl2.loads(path.read_text())).items():
            blocks.setdefault(kind, []).extend(content)
    return blocks


@pytest.fixture(scope="module")
def accounts():
    return yaml.safe_load((FOLDER / "grants.yaml").read_text())["accounts"]


@pytest.fixture(scope="module")
def grants():
    return yaml.safe_load((FOLDER / "grants.yaml").read_text())["grants"]


def declared(parsed):
    """What an expression may refer to: var.X, local.X, TYPE.NAME, data.TYPE.NAME."""
    names = {f"var.{name}" for one in parsed["variable"] for name in one}
    names |= {f"local.{name}" for one in parsed["locals"] for name in one}
    names |= {f"{kind}.{name}" for one in parsed["resource"] for kind, named in one.items() for name in named}
    return names | {f"data.{kind}.{name}" for one in parsed["data"] for kind, named in one.items() for name in named}


def test_every_reference_leads_somewhere(parsed):
    text = "\n".join(re.sub(r"(?m)(^|\s)#.*", "", path.read_text()) for path in FILES)
    referred = set(re.findall(r"\b((?:data\.)?google_\w+\.\w+|var\.\w+|local\.\w+)", text))
    referred = {name for name in referred if f"data.{name}" not in referred}
    assert len(referred) > 20
    assert referred - declared(parsed) == set()


def test_every_variable_is_used_and_described(parsed):
    text = "\n".join(path.read_text() for path in FILES)
    for one in parsed["variable"]:
        for name, block in one.items():
            assert f"var.{name}" in text
            assert block["description"]


def test_the_documented_table_is_what_is_granted(grants):
    rows = []
    for one in grants:
        place = PLACES.get(one["place"], f"`{one['place']}`")
        rows.append(f"| `{one['account']}` | `{one['role']}` | {place} | {one['why']} |")
    shown = [line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert shown == rows


def test_every_account_has_a_role_and_every_role_an_account(grants, accounts):
    assert {one["account"] for one in grants} == accounts.keys()
    assert len({(one["account"], one["role"], one["place"]) for one in grants}) == len(grants)


def test_every_grant_has_a_resource_that_makes_it(grants, accounts):
    text = (FOLDER / "accounts.tf").read_text()
    for place in {one["place"] for one in grants} - accounts.keys():
        assert f'grant.place == "{place}"' in text, place
    assert "contains(keys(local.accounts), grant.place)" in text


def test_no_role_is_broad(grants):
    for one in grants:
        assert re.fullmatch(r"roles/[a-z]+(\.[a-zA-Z]+)+", one["role"])
        assert not re.search(r"[aA]dmin|owner$", one["role"])


def test_only_the_pipeline_reads_the_token_and_no_value_is_kept(grants, parsed):
    readers = [one["account"] for one in grants if one["role"] == "roles/secretmanager.secretAccessor"]
    assert readers == ["pipeline-runner"]
    kinds = {kind for one in parsed["resource"] for kind in one}
    assert "google_secret_manager_secret" in kinds
    assert kinds & {"google_secret_manager_secret_version", "google_service_account_key"} == set()


def test_accounts_that_commands_name_exist(accounts):
    for path in [PROJECT_DIR / "Makefile", *(PROJECT_DIR / ".github/workflows").glob("*.yml")]:
        named = re.findall(r"([a-z-]+)@\$\(?\w+\)?\.iam\.gserviceaccount", path.read_text())
        assert set(named) <= accounts.keys(), path
    assert "image-builder@" in (PROJECT_DIR / "Makefile").read_text()


def test_workers_have_no_way_to_the_internet(parsed):
    kinds = {kind: named for one in parsed["resource"] for kind, named in one.items()}
    assert kinds["google_compute_subnetwork"]["this"]["private_ip_google_access"] is True
    assert "google_compute_router_nat" not in kinds


def blocks_of_resources() -> dict[str, str]:
    """Name of each resource and data source to the text of its block."""
    text = "\n".join(re.sub(r"(?m)(^|\s)#.*", "", path.read_text()) for path in FILES)
    found = re.findall(r'(?ms)^(resource|data) "(\w+)" "(\w+)" \{\n(.*?)^\}', text)
    return {f"{'data.' if kind == 'data' else ''}{type_}.{name}": body for kind, type_, name, body in found}


def test_everything_waits_for_the_services_to_be_on():
    blocks = blocks_of_resources()
    services = "google_project_service.needed"
    waits = {services}
    for _ in blocks:
        waits |= {
            name for name, body in blocks.items() if any(re.search(rf"\b{re.escape(one)}\b", body) for one in waits)
        }
    assert blocks.keys() - waits == set()


def test_every_service_that_is_used_is_turned_on():
    text = (FOLDER / "versions.tf").read_text()
    for service in ("cloudresourcemanager", "serviceusage", "aiplatform", "monitoring", "pubsub", "sts"):
        assert f'"{service}.googleapis.com"' in text


def test_what_was_overwritten_can_be_restored_and_nothing_temporary_stays():
    bucket = blocks_of_resources()["google_storage_bucket.this"]
    assert re.search(r"versioning \{\s+enabled = true", bucket)
    rules = re.findall(r"(?s)lifecycle_rule \{(.*?)\n  \}", bucket)
    deleting = [rule for rule in rules if '"Delete"' in rule]
    # Without a prefix only what is no longer the newest goes: published versions and models stay.
    assert all('with_state                 = "ARCHIVED"' in rule for rule in deleting if "matches_prefix" not in rule)
    assert len(rules) == 6
    prefixes = dict(re.findall(r"(temporary|served) += \[(.*)\]", (FOLDER / "storage.tf").read_text()))
    assert set(re.findall(r'"(.*?)"', prefixes["temporary"])) == {"dataflow/temp/", "dataflow/staging/", "builds/"}
    assert prefixes["served"] == '"served/"'


def test_what_was_served_is_gone_after_its_time_with_all_its_generations():
    bucket = blocks_of_resources()["google_storage_bucket.this"]
    rules = re.findall(r"(?s)lifecycle_rule \{(.*?)\n  \}", bucket)
    served = ["".join(rule.split()) for rule in rules if "local.served" in rule]
    assert any("age=var.served_retention_days" in rule for rule in served)
    assert any('days_since_noncurrent_time=1with_state="ARCHIVED"' in rule for rule in served)


def test_the_page_says_that_workers_reach_every_bucket(grants):
    holders = [one for one in grants if one["role"] == "roles/dataflow.worker" and one["place"] == "project"]
    text = " ".join((FOLDER / "README.md").read_text().split())
    assert holders
    assert "lets its holders read and write objects of **every bucket of the project**" in text


def test_old_images_go_but_releases_stay():
    registry = blocks_of_resources()["google_artifact_registry_repository.this"]
    assert re.findall(r'action = "(\w+)"', registry) == ["DELETE", "KEEP", "KEEP"]
    assert 'tag_prefixes = ["v"]' in registry


def test_the_trigger_can_be_replaced():
    assert "deletion_protection = false" in blocks_of_resources()["google_cloud_run_v2_service.trigger"]


def test_the_trigger_hears_of_manifests_alone_and_what_it_does_not_take_comes_again_and_is_kept():
    blocks = blocks_of_resources()
    assert "object_name_prefix = var.trigger_prefix" in blocks["google_storage_notification.finished"]
    subscription = blocks["google_pubsub_subscription.finished"]
    assert 'file("${path.module}/manifests_only.js")' in subscription
    assert "dead_letter_topic     = google_pubsub_topic.dead[0].id" in subscription
    assert "google_pubsub_topic.dead[0].id" in blocks["google_pubsub_subscription.dead"]
    assert "google_pubsub_subscription.dead[0].name" in blocks["google_monitoring_alert_policy.dead_letters"]


def test_a_project_without_a_trigger_needs_nothing_of_pub_sub():
    """In a new project, Pub/Sub's own account is not there yet, and a grant to it would end the first `apply`."""
    for name, body in blocks_of_resources().items():
        if "pubsub_agent" in body:
            assert "count = var.trigger_image == null ? 0 : 1" in body, name
        elif name.startswith("google_pubsub_"):
            asked_for = r"count = var\.(trigger_image == null \? 0 : 1|served_stream \? 1 : 0)"
            assert re.search(rf"{asked_for}|for_each = .* && var\.served_stream \}}", body), name


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node.js")
def test_the_subscriptions_function_lets_manifests_through():
    code = (FOLDER / "manifests_only.js").read_text()
    names = ["data/pets/1.0.0/manifest.json", "data/pets/1.0.0/examples/x-00000-of-00001", "manifest.json.tmp"]
    asked = (
        f"console.log({json.dumps(names)}.map(id => manifestsOnly({{attributes: {{objectId: id}}}}, {{}}) !== null))"
    )
    ended = subprocess.run(["node", "-e", code + asked], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[ true, false, false ]"


def test_the_commands_name_the_subnetwork_and_the_account_that_terraform_makes(accounts):
    [network] = re.findall(r'name += "(\w+)"', blocks_of_resources()["google_compute_subnetwork.this"])
    makefile = (PROJECT_DIR / "Makefile").read_text()
    assert f"SUBNETWORK ?= regions/$(REGION)/subnetworks/{network}\n" in makefile
    workflow = (PROJECT_DIR / ".github/workflows/dataflow.yml").read_text()
    assert f"format('regions/{{0}}/subnetworks/{network}', inputs.region)" in workflow
    assert "WORKER ?= dataflow-worker@" in makefile
    assert "dataflow-worker" in accounts


CLAIMS = {
    "repository": "acme/pets",
    "repository_id": "456789",
    "environment": "google-cloud",
    "sub": "repo:acme/pets:environment:google-cloud",
}
VALUES = {
    "var.github_repository": "acme/pets",
    "var.github_repository_id": "456789",
    "var.github_environment": "google-cloud",
}


def admitted(claims: dict[str, str]) -> bool:
    """Whether the provider's condition, an `and` of equalities, holds for the claims of a token."""
    text = (FOLDER / "federation.tf").read_text()
    block = re.search(r'attribute_condition = join\(" && ", \[(.*?)\]\)', text, re.DOTALL)[1]
    conditions = re.findall(r'^\s+"(.*)",$', block, re.MULTILINE)
    assert conditions
    pairs = [re.fullmatch(r"assertion\.(\w+) == '\$\{(.*)\}'", one).groups() for one in conditions]
    return all(claims.get(name) == VALUES[value] for name, value in pairs)


@pytest.mark.parametrize("sub", [CLAIMS["sub"], "repo:acme-123/pets-456789:environment:google-cloud"])
def test_a_workflow_of_the_repository_is_admitted_with_either_form_of_its_subject(sub):
    assert admitted(CLAIMS | {"sub": sub})


@pytest.mark.parametrize(
    "other",
    [
        {"repository": "acme/birds", "repository_id": "456790"},
        {"repository_id": "456790"},  # another repository that took over the name
        {"environment": "preview"},
        {"environment": None},  # a job without an environment has no such claim
    ],
)
def test_another_repository_or_environment_is_not_admitted(other):
    assert not admitted(CLAIMS | other)


def test_a_workflow_asks_for_credentials_only_in_the_environment():
    for path in (PROJECT_DIR / ".github/workflows").glob("*.yml"):
        assert path.read_text().count("environment: google-cloud") == path.read_text().count("github-actions/auth@")


def test_every_fact_about_google_is_dated_or_said_to_be_unconfirmed():
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (FOLDER / "GOOGLE.md").read_text().splitlines()
        if line.startswith("| ") and not line.startswith("| fact")
    ]
    assert len(rows) > 20
    for fact, places, source, read in rows:
        assert read or re.search("not confirmed|the review that filed this|Google's own", source), fact
        assert not read or datetime.date.fromisoformat(read), fact
        for place in re.findall(r"`([\w/.]+\.\w+|\w*file)`", places):
            found = [PROJECT_DIR / place, PROJECT_DIR / "tfx_pipeline" / place, FOLDER / place]
            assert any(path.is_file() for path in found), place


def test_each_mistake_that_was_made_once_has_a_test_that_exists():
    named = re.findall(r"\| `(tests/[\w/]+\.py)::(test_\w+)` \|", (FOLDER / "GUARDS.md").read_text())
    assert len(named) > 20
    for path, test in named:
        assert f"def {test}(" in (PROJECT_DIR / path).read_text(), (path, test)
