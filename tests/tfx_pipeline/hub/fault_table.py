"""Every fault that a push must survive or tell clearly, as a table.

`python -m tests.tfx_pipeline.hub.fault_table` prints it with what became of each.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from huggingface_hub import constants

from tests.tfx_pipeline.hub.api import READ_TOKEN, WRITE_TOKEN
from tests.tfx_pipeline.hub.faults import Fault
from tests.tfx_pipeline.hub.pushes import FILES, MODEL, held, push, tag_of
from tests.tfx_pipeline.hub.server import LoopbackHub, running_hub
from tests.tfx_pipeline.hub.storage import File, Repository

INFO, CREATE, TREE = "GET /api/models/acme/pets$", "POST /api/repos/create", "GET .*/tree/"
PREUPLOAD, BATCH, PUT, COMMIT = "POST .*/preupload/", "POST .*/objects/batch", "PUT /lfs/", "POST .*/commit/"
REFS, TAG, BRANCH, YAML = "GET .*/refs", "POST .*/tag/", "POST .*/branch/", "POST /api/validate-yaml"
ALWAYS = 10**6
HTML = {"headers": {"Content-Type": "text/html"}, "body": b"<html>Bad gateway</html>"}


@dataclass(frozen=True)
class Case:
    """One line of the table.

    Attributes:
      name: What goes wrong.
      faults: Patterns, with what Fault takes beside.
      refusal: Part of the message where the push must fail; empty where it must come to the usual end.
      waits: The seconds that were waited, where the Hub asks for them.
    """

    name: str
    faults: tuple[tuple[str, dict], ...] = ()
    refusal: str = ""
    waits: float | None = None
    token: str = WRITE_TOKEN
    changes: dict = field(default_factory=dict)


def _someone_makes_it(hub: LoopbackHub) -> None:
    hub.api.repositories["model", MODEL] = Repository("model", MODEL, private=False)


def _someone_commits(hub: LoopbackHub) -> None:
    repository = hub.model(MODEL)
    files = repository.head.files | {"README.md": File(b"---\n---\nof another user\n", lfs=False)}
    repository.commit("main", "from another user", "", files)


CASES = (
    Case("nothing"),
    Case("the first look is answered 503, twice", ((INFO, {"status": 503, "last": 2}),)),
    Case("making the repository is answered 500", ((CREATE, {"status": 500}),)),
    Case("the repository is made, the answer is lost", ((CREATE, {"after": True}),)),
    Case("another user makes the repository first: 409", ((CREATE, {"meanwhile": _someone_makes_it}),)),
    Case("429 with Retry-After: 7", ((CREATE, {"status": 429, "headers": {"Retry-After": "7"}}),), waits=7),
    Case(
        "429 with a rate limit of 55 s",
        ((COMMIT, {"status": 429, "headers": {"RateLimit": '"api";r=0;t=55'}}),),
        waits=55,
    ),
    Case("the list of files is answered 502", ((TREE, {"status": 502}),)),
    Case("a proxy answers with a page of HTML", ((YAML, {"status": 502, **HTML}),)),
    Case("preupload is answered 503", ((PREUPLOAD, {"status": 503}),)),
    Case("the LFS batch is answered 500", ((BATCH, {"status": 500}),)),
    Case("the connection breaks under a large file", ((PUT, {}),)),
    Case("a large file arrives, the answer is lost", ((PUT, {"after": True}),)),
    Case("the commit is answered 503", ((COMMIT, {"status": 503}),)),
    Case("the connection breaks before the commit", ((COMMIT, {}),)),
    Case("the commit is made, the answer is lost", ((COMMIT, {"after": True}),)),
    Case("the commit is made, and answered 504", ((COMMIT, {"status": 504, "after": True}),)),
    Case("the commit is answered 409", ((COMMIT, {"status": 409}),)),
    Case("another user commits meanwhile: 412", ((COMMIT, {"meanwhile": _someone_commits}),)),
    Case("the branch is made, the answer is lost", ((BRANCH, {"after": True}),), changes={"branch": "next/one"}),
    Case("the tag is answered 500", ((TAG, {"status": 500}),)),
    Case("the tag is set, the answer is lost", ((TAG, {"after": True}),)),
    Case(
        "everything at once",
        (
            (CREATE, {"after": True}),
            (INFO, {"status": 500}),
            (COMMIT, {"after": True}),
            (TAG, {"status": 429, "headers": {"Retry-After": "3"}}),
        ),
    ),
    Case("the Hub stays at 503", ((INFO, {"status": 503, "last": ALWAYS}),), "503: injected; tried 6 times"),
    Case(
        "the Hub wants an hour under a large file",
        ((BATCH, {"status": 429, "headers": {"Retry-After": "3600"}}),),
        "429: injected; it asks to wait 3600 s",
    ),
    Case(
        "the Hub wants an hour",
        ((COMMIT, {"status": 429, "headers": {"Retry-After": "3600"}}),),
        "429: injected; it asks to wait 3600 s",
    ),
    Case("a token that is not known: 401", (), "401: Invalid credentials in Authorization header", token="hf_unknown0"),
    Case("a token that may only read: 403", (), "403: You don't have the rights to write here", token=READ_TOKEN),
    Case("the owner is another user: 403", (), "under the namespace other", changes={"repo_id": "other/pets"}),
    Case(
        "a Gradio Space on a free account: 402",
        (),
        "402: Gradio Spaces on cpu-basic need a PRO subscription",
        changes={"repo_id": "acme/pets-demo", "kind": "space", "sdk": "gradio"},
    ),
    Case("the commit is refused: 403", ((COMMIT, {"status": 403}),), "done before: the repository was made"),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a push.

    Attributes:
      message: Of the error; empty where there was none.
      waited: Seconds, in all; nothing really waits in these tests.
      requests: How many.
      same: Whether the Hub holds exactly what was pushed.
      commits: How many there are beside the initial one and those of another user.
      tagged: Whether the tag names the commit that holds the files.
    """

    message: str
    lines: list[str]
    requests: int
    same: bool
    commits: int
    tagged: bool


def outcome(hub: LoopbackHub, case: Case) -> Outcome:
    """Pushes once against an empty Hub with the faults of one case."""
    hub.api.gradio_needs_pro = True
    for pattern, settings in case.faults:
        hub.faults.append(Fault(pattern, **settings))
    lines: list[str] = []
    message = ""
    try:
        push(hub, token=case.token, lines=lines, **case.changes)
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
    kind, name = case.changes.get("kind", "model"), case.changes.get("repo_id", MODEL)
    repository = hub.api.repositories.get((kind, name))
    if repository is None:
        return Outcome(message, lines, len(hub.requests), False, 0, False)
    branch = case.changes.get("branch", "main")
    if branch not in repository.branches:
        return Outcome(message, lines, len(hub.requests), False, 0, False)
    ours = [one for one in repository.history(branch) if one.title == "Model 1"]
    tagged = repository.tags.get(tag_of(FILES)) == repository.branches[branch]
    return Outcome(message, lines, len(hub.requests), held(hub, kind, name, branch) == FILES, len(ours), tagged)


def main() -> None:
    """Prints the table."""
    constants.HF_HUB_DISABLE_XET = True
    print(f"{'injected':<48}{'requests':>9}{'said':>5}  on the Hub afterwards")
    for case in CASES:
        with running_hub() as hub:
            result = outcome(hub, case)
        there = f"the files, {result.commits} commit, tag {'set' if result.tagged else 'missing'}"
        print(f"{case.name:<48}{result.requests:>9}{len(result.lines):>5}  {there if result.same else 'not the files'}")
        if result.message:
            print(f"{'':<8}{result.message}")


if __name__ == "__main__":
    main()
