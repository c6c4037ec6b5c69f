"""The Terraform of accounts, roles and network: it parses, its references lead somewhere, and its table is told."""

import re
from pathlib import Path

import hcl2
import pytest

from tfx_pipeline import image

PROJECT_DIR = Path(image.__file__).parents[2]
FOLDER = PROJECT_DIR / "tfx_pipeline/identity"
FILES = sorted(FOLDER.glob("*.tf"))
PLACES = {
    "project": "the project",
    "bucket": "the bucket",
    "registry": "the registry",
    "secret": "the secret `hugging-face-token`",
    "service": "the trigger",
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
def accounts(parsed):
    return next(one["accounts"] for one in parsed["locals"] if "accounts" in one)


@pytest.fixture(scope="module")
def grants(parsed):
    return next(one["grants"] for one in parsed["locals"] if "grants" in one)


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
    rows = [
        f"| `{one['account']}` | `{one['role']}` | {PLACES.get(one['on'], '`' + one['on'] + '`')} | {one['why']} |"
        for one in grants
    ]
    told = [line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith("| `")]
    assert told == rows


def test_every_account_has_a_role_and_every_role_an_account(grants, accounts):
    assert {one["account"] for one in grants} == accounts.keys()
    assert len({(one["account"], one["role"], one["on"]) for one in grants}) == len(grants)


def test_every_grant_has_a_resource_that_makes_it(grants, accounts):
    text = (FOLDER / "accounts.tf").read_text()
    for place in {one["on"] for one in grants} - accounts.keys():
        assert f'grant.on == "{place}"' in text, place
    assert "contains(keys(local.accounts), grant.on)" in text


def test_no_role_is_broad(grants):
    for one in grants:
        assert re.fullmatch(r"roles/[a-z]+(\.[a-zA-Z]+)+", one["role"])
        assert not re.search(r"[aA]dmin|owner$", one["role"])


def test_only_the_pipeline_reads_the_token_and_no_value_is_kept(grants, parsed):
    assert [one["account"] for one in grants if one["on"] == "secret"] == ["pipeline-runner"]
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


def test_credentials_are_for_one_repository_and_one_environment():
    text = (FOLDER / "federation.tf").read_text()
    assert "assertion.sub == 'repo:${var.github_repository}:environment:${var.github_environment}'" in text
    workflows = (PROJECT_DIR / ".github/workflows").glob("*.yml")
    for text in (path.read_text() for path in workflows):
        assert text.count("environment: google-cloud") == text.count("google-github-actions/auth@")
