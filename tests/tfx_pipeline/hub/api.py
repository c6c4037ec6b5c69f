"""The part of the Hub's HTTP interface that huggingface_hub 2.4 uses to push and to download.

Written from the client's source: what it sends and what it reads of the answers. Models and Spaces.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.tfx_pipeline.hub.card_rules import validate_yaml
from tests.tfx_pipeline.hub.http_messages import Answer, Refused, Request, json_answer
from tests.tfx_pipeline.hub.storage import File, Repository, needs_lfs

PAGE = 40  # files a page of a listing; the real Hub has 1000
OWNER = "acme"
WRITE_TOKEN = "hf_loopbackWriteTokenForTestsOnly0001"  # accepted by the server on loopback, and by nothing else
READ_TOKEN = "hf_loopbackReadTokenForTestsOnly00001"


REPOSITORY = r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+)"
API = rf"/api/(?P<kind>model|space)s/{REPOSITORY}"
RESOLVE = rf"/(?P<space>spaces/)?{REPOSITORY}/resolve/(?P<revision>[^/]+)/(?P<path>.+)"
GIT = rf"/(?P<space>spaces/)?{REPOSITORY}\.git/info/lfs/objects"


class HubApi:
    """The state and the rules of one Hub.

    Attributes:
      repositories: By kind and `owner/name`.
      objects: LFS contents by SHA-256.
      gradio_needs_pro: Whether a new Gradio Space is refused with 402, as free accounts are.
    """

    def __init__(self, endpoint: str):
        self.endpoint = endpoint
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.gradio_needs_pro = False
        self._routes: list[tuple[str, Callable[..., Answer]]] = [
            (r"GET /api/whoami-v2", self._whoami),
            (r"POST /api/repos/create", self._create_repository),
            (r"POST /api/validate-yaml", validate_yaml),
            (rf"POST {API}/preupload/(?P<revision>[^/]+)", self._preupload),
            (rf"POST {API}/commit/(?P<revision>[^/]+)", self._commit),
            (rf"POST {API}/branch/(?P<branch>[^/]+)", self._create_branch),
            (rf"POST {API}/tag/(?P<revision>[^/]+)", self._create_tag),
            (rf"GET {API}/refs", self._refs),
            (rf"GET {API}/tree/(?P<revision>[^/]+)", self._tree),
            (rf"GET {API}(/revision/(?P<revision>[^/]+))?", self._info),
            (rf"POST {GIT}/batch", self._lfs_batch),
            (rf"POST {GIT}/verify", self._lfs_verify),
            (r"PUT /lfs/(?P<oid>[0-9a-f]{64})", self._lfs_put),
            (r"(GET|HEAD) /lfs/(?P<oid>[0-9a-f]{64})", self._lfs_get),
            (rf"(GET|HEAD) {RESOLVE}", self._resolve),
        ]

    def answer(self, request: Request) -> Answer:
        """Does what a request asks for."""
        try:
            if request.token not in (None, WRITE_TOKEN, READ_TOKEN):
                raise Refused(401, "Invalid credentials in Authorization header")
            for pattern, respond in self._routes:
                if match := re.fullmatch(pattern, f"{request.method} {request.path}"):
                    parts = {key: unquote(value) for key, value in match.groupdict().items() if value is not None}
                    return respond(request, **self._known(request, parts))
            raise Refused(404, f"Sorry, there is no {request.method} {request.path} here")
        except Refused as refused:
            return json_answer(refused.body, refused.status, **refused.headers)

    def _known(self, request: Request, parts: dict[str, str]) -> dict[str, Any]:
        """The parts of a path, with the repository that they name in place of its kind, owner and name."""
        if "name" not in parts:
            return parts
        kind = parts.pop("kind", "space" if parts.pop("space", None) else "model")
        name = f"{parts.pop('owner')}/{parts.pop('name')}"
        repository = self.repositories.get((kind, name))
        if repository is None or (repository.private and request.token is None):
            raise Refused(404 if request.token else 401, "Repository not found", "RepoNotFound")
        return {"repository": repository, **parts}

    def _may_write(self, request: Request) -> None:
        if request.token is None:
            raise Refused(401, "Invalid username or password.")
        if request.token == READ_TOKEN:
            raise Refused(403, "You don't have the rights to write here: your token is a read token")

    def _whoami(self, request: Request) -> Answer:
        if request.token is None:
            raise Refused(401, "Invalid username or password.")
        role = "write" if request.token == WRITE_TOKEN else "read"
        return json_answer({"type": "user", "name": OWNER, "orgs": [], "auth": {"accessToken": {"role": role}}})

    def _create_repository(self, request: Request) -> Answer:
        self._may_write(request)
        wanted = request.json()
        kind, name = wanted.get("type", "model"), f"{wanted['organization'] or OWNER}/{wanted['name']}"
        url = f"{self.endpoint}/{'spaces/' if kind == 'space' else ''}{name}"
        if not name.startswith(f"{OWNER}/"):
            raise Refused(403, f"You don't have the rights to create a {kind} under the namespace {name.split('/')[0]}")
        if (kind, name) in self.repositories:
            raise Refused(409, f"You already created this {kind} repo: {name}", url=url)
        if kind == "space" and wanted["sdk"] == "gradio" and self.gradio_needs_pro:
            raise Refused(402, "Gradio Spaces on cpu-basic need a PRO subscription. Static Spaces are free.")
        private = wanted.get("visibility") == "private"
        self.repositories[kind, name] = Repository(kind, name, private, wanted.get("sdk"))
        return json_answer({"url": url, "name": name, "id": name})

    def _info(self, request: Request, repository: Repository, revision: str = "main") -> Answer:
        commit = self._at(repository, revision)
        siblings = [{"rfilename": path} for path in sorted(commit.files)]
        values = {"id": repository.name, "sha": commit.oid, "private": repository.private, "siblings": siblings}
        return json_answer(values | ({"sdk": repository.sdk} if repository.sdk else {}))

    def _refs(self, request: Request, repository: Repository) -> Answer:
        def listed(kind: str, refs: dict[str, str]) -> list[dict[str, str]]:
            return [{"name": one, "ref": f"refs/{kind}/{one}", "targetCommit": oid} for one, oid in refs.items()]

        branches, tags = listed("heads", repository.branches), listed("tags", repository.tags)
        return json_answer({"branches": branches, "tags": tags, "converts": []})

    def _tree(self, request: Request, repository: Repository, revision: str) -> Answer:
        files = sorted(self._at(repository, revision).files.items())
        start = int(request.query.get("cursor", 0))
        entries = []
        for path, file in files[start : start + PAGE]:
            entry = {"type": "file", "path": path, "oid": file.blob_id, "size": len(file.content)}
            lfs = {"oid": file.sha256, "size": len(file.content), "pointerSize": 134}
            entries.append(entry | ({"lfs": lfs} if file.lfs else {}))
        more = {}
        if start + PAGE < len(files):
            where = f"{self.endpoint}{request.path}?recursive=True&expand=False&cursor={start + PAGE}"
            more = {"Link": f'<{where}>; rel="next"'}
        return json_answer(entries, **more)

    def _preupload(self, request: Request, repository: Repository, revision: str) -> Answer:
        self._may_write(request)
        stored = self._at(repository, revision).files
        modes = []
        for wanted in request.json()["files"]:
            path, sample = wanted["path"], base64.b64decode(wanted["sample"])
            mode = "lfs" if needs_lfs(path, wanted["size"], sample) else "regular"
            known = {"oid": stored[path].oid} if path in stored else {}
            modes.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **known})
        return json_answer({"files": modes})

    def _commit(self, request: Request, repository: Repository, revision: str) -> Answer:
        self._may_write(request)
        if revision not in repository.branches:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        head = repository.resolve(revision)
        files = dict(head.files)
        header: dict[str, str] = {}
        for line in request.body.splitlines():
            entry = json.loads(line)
            if entry["key"] == "header":
                header = entry["value"]
            else:
                self._apply(files, entry["key"], entry["value"])
        if header.get("parentCommit", head.oid) != head.oid:
            raise Refused(412, "A commit has happened since. Please refresh and try again.")
        oid = repository.commit(revision, header["summary"], header["description"], files)
        return json_answer({"commitUrl": f"{self.endpoint}/{repository.name}/commit/{oid}", "commitOid": oid})

    def _apply(self, files: dict[str, File], key: str, value: dict[str, Any]) -> None:
        """Carries out one line of a commit's body on `files`."""
        path = value["path"]
        if key == "file":
            content = base64.b64decode(value["content"])
            if needs_lfs(path, len(content), content):
                raise Refused(400, f"Your push was rejected: {path} is large or binary and must be an LFS object")
            files[path] = File(content, lfs=False)
        elif key == "lfsFile":
            if value["oid"] not in self.objects:
                raise Refused(400, f"LFS object of {path} was never uploaded: {value['oid']}")
            files[path] = File(self.objects[value["oid"]], lfs=True)
        elif key == "deletedFile" and path in files:
            del files[path]
        else:
            raise Refused(404, f"A file with this name doesn't exist: {path}", "EntryNotFound")

    def _create_branch(self, request: Request, repository: Repository, branch: str) -> Answer:
        self._may_write(request)
        if branch in repository.branches:
            raise Refused(409, f"Reference already exists: {branch}")
        repository.branches[branch] = self._at(repository, request.json().get("startingPoint", "main")).oid
        return json_answer({})

    def _create_tag(self, request: Request, repository: Repository, revision: str) -> Answer:
        self._may_write(request)
        tag = request.json()["tag"]
        if tag in repository.tags:
            raise Refused(409, f"Tag reference exists already: {tag}")
        repository.tags[tag] = self._at(repository, revision).oid
        return json_answer({})

    def _lfs_batch(self, request: Request, repository: Repository) -> Answer:
        self._may_write(request)
        objects = []
        prefix = f"{self.endpoint}/{'spaces/' if repository.kind == 'space' else ''}{repository.name}"
        for one in request.json()["objects"]:
            upload = {"href": f"{self.endpoint}/lfs/{one['oid']}"}
            verify = {"href": f"{prefix}.git/info/lfs/objects/verify"}
            missing = one["oid"] not in self.objects
            objects.append(one | ({"actions": {"upload": upload, "verify": verify}} if missing else {}))
        return json_answer({"transfer": "basic", "objects": objects})

    def _lfs_put(self, request: Request, oid: str) -> Answer:
        if hashlib.sha256(request.body).hexdigest() != oid:
            raise Refused(400, "the content does not have the announced SHA-256")
        self.objects[oid] = request.body
        return Answer()

    def _lfs_verify(self, request: Request, repository: Repository) -> Answer:
        wanted = request.json()
        if len(self.objects.get(wanted["oid"], b"")) != wanted["size"]:
            raise Refused(404, "Object does not exist on the server")
        return json_answer({})

    def _lfs_get(self, request: Request, oid: str) -> Answer:
        return Answer(200, self.objects[oid], {"ETag": f'"{oid}"', "Access-Control-Allow-Origin": "*"})

    def _resolve(self, request: Request, repository: Repository, revision: str, path: str) -> Answer:
        commit = self._at(repository, revision)
        if path not in commit.files:
            raise Refused(404, f"Entry not found: {path}", "EntryNotFound")
        file = commit.files[path]
        headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{file.blob_id}"', "Access-Control-Allow-Origin": "*"}
        if not file.lfs:
            return Answer(200, file.content, headers)
        linked = {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(len(file.content))}
        elsewhere = self.endpoint.replace("127.0.0.1", "localhost")  # another host, as the Hub's is for large files
        return Answer(302, b"", headers | linked | {"Location": f"{elsewhere}/lfs/{file.sha256}"})

    def _at(self, repository: Repository, revision: str):
        commit = repository.resolve(revision)
        if commit is None:
            raise Refused(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return commit
