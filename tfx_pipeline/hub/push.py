"""Makes a repository on the Hub equal to what is pushed: one commit and one tag, or nothing if nothing changed.

Every step first checks what the Hub holds and then does what is missing, so that retrying it after a lost answer, a
stale parent or a killed run gives the same result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from schemas.exported_model import INFO_FILE
from tfx_pipeline.hub.client import HubRefused, HubUnavailable, RetryPolicy
from tfx_pipeline.hub.contents import Content, Files, git_blob_id, sha256

MODEL_FOLDER, SPACE_FOLDER = "model", "space"  # the kinds of repository, and their folders in a dry run
MARKS = {MODEL_FOLDER: INFO_FILE, SPACE_FOLDER: "space.json"}  # the file that marks a repository as ours

# Files that the Hub puts into a new repository, or its owner on the web page that creates one.
INITIAL_FILES = (".gitattributes", ".gitignore", "LICENSE", "README.md", "index.html", "style.css")
KEPT_FILES = (".gitattributes",)  # the Hub's own file: which files it stores as large ones


@dataclass(frozen=True)
class Target:
    """Which repository, and how to create it if it is missing; `sdk` is a Space's kind."""

    repo_id: str
    kind: Literal["model", "space"]
    private: bool
    branch: str = "main"
    sdk: str | None = None

    def __str__(self) -> str:
        return f"{'Space' if self.kind == 'space' else 'model'} repository {self.repo_id}"


@dataclass(frozen=True)
class Pushed:
    """What the Hub holds after a push.

    Attributes:
      url: Of the repository.
      commit: Id of the commit that holds exactly what was pushed.
      commit_url: Of its files.
      tag: Names the commit, or an earlier one with the same model.
      changed: Whether a commit was made; False if the Hub already held the same.
    """

    url: str
    commit: str
    commit_url: str
    tag: str
    changed: bool


@dataclass(frozen=True)
class Message:
    """The message of the commit."""

    title: str
    description: str = ""


@dataclass
class Push:
    """One push to one repository.

    Attributes:
      api: The client, with endpoint and token.
      done: What was changed on the Hub so far, for messages.
    """

    api: HfApi
    target: Target
    retry_policy: RetryPolicy
    done: list[str] = field(default_factory=list)
    _creation_sent: bool = False
    _commit_sent: bool = False

    def run(self, files: Files, tag: str, message: Message) -> Pushed:
        """Pushes `files` as the whole content of the repository.

        Raises:
          HubRefused, HubUnavailable: Names what was done before.
        """
        try:
            return self._run(files, tag, message)
        except (HubRefused, HubUnavailable) as error:
            done = f"done before: {', '.join(self.done)}" if self.done else "nothing was changed there"
            raise type(error)(f"{self.target}: {error} ({done})") from error.__cause__

    def _run(self, files: Files, tag: str, message: Message) -> Pushed:
        target, call = self.target, self.retry_policy.call
        call("make the repository", self._make_repository)
        if target.branch != "main":
            call(f"make the branch {target.branch}", self._make_branch)
        commit, changed = call(f"commit to {target.branch}", lambda: self._commit(files, message))
        call(f"set the tag {tag}", lambda: self._tag(tag, commit))
        url = f"{self.api.endpoint}/{'spaces/' if target.kind == 'space' else ''}{target.repo_id}"
        return Pushed(url, commit, f"{url}/tree/{commit}", tag, changed)

    def _make_repository(self) -> None:
        target = self.target
        try:
            stored = self.api.repo_info(target.repo_id, repo_type=target.kind)
        except RepositoryNotFoundError as error:
            if error.response.status_code != 404:
                raise  # with an invalid token, a repository looks missing
            self._creation_sent = True
            self.api.create_repo(
                target.repo_id, repo_type=target.kind, private=target.private, space_sdk=target.sdk, exist_ok=True
            )
            self.done.append("the repository was made")
            return
        if self._creation_sent:  # and its answer was lost
            self.done.append("the repository was made")
        if target.private and not stored.private:
            raise HubRefused("it is public, the configuration says private; change one of them, nothing is published")

    def _make_branch(self) -> None:
        refs = self.api.list_repo_refs(self.target.repo_id, repo_type=self.target.kind)
        if self.target.branch not in {one.name for one in refs.branches}:
            self.api.create_branch(
                self.target.repo_id, branch=self.target.branch, repo_type=self.target.kind, exist_ok=True
            )
            self.done.append(f"the branch {self.target.branch} was made")

    def _commit(self, files: Files, message: Message) -> tuple[str, bool]:
        """The id of a commit that equals `files`, and whether it is new."""
        target = self.target
        head = self.api.repo_info(target.repo_id, repo_type=target.kind, revision=target.branch).sha
        if head is None:
            raise HubUnavailable(f"the Hub names no commit of {target.branch}")
        stored = self._stored(head)
        changed, deleted = _difference(stored, files)
        if not changed and not deleted:
            if self._commit_sent:  # and its answer was lost
                self.done.append(f"commit {head} was made")
            return head, self._commit_sent
        self._check_ours(stored, [*deleted, *changed])
        operations = [
            *(CommitOperationAdd(path, one if isinstance(one := files[path], bytes) else str(one)) for path in changed),
            *(CommitOperationDelete(path, is_folder=False) for path in deleted),
        ]
        self._commit_sent = True
        commit = self.api.create_commit(
            target.repo_id,
            operations,
            commit_message=message.title,
            commit_description=message.description,
            repo_type=target.kind,
            revision=target.branch,
            parent_commit=head,
        )
        self.done.append(f"commit {commit.oid} was made")
        missing, left = _difference(self._stored(commit.oid), files)
        if missing or left:  # such as a file that a .gitignore there hides
            raise HubRefused(f"the Hub does not hold what was sent to it: {[*missing, *left][0]} differs")
        return commit.oid, True

    def _stored(self, commit: str) -> dict[str, RepoFile]:
        """The files of a commit by path."""
        tree = self.api.list_repo_tree(self.target.repo_id, recursive=True, revision=commit, repo_type=self.target.kind)
        return {one.path: one for one in tree if isinstance(one, RepoFile)}

    def _check_ours(self, stored: dict[str, RepoFile], touched: list[str]) -> None:
        """Refuses to delete or replace the files of a repository that our pushes did not fill."""
        foreign = [path for path in touched if path in stored and path not in INITIAL_FILES]
        if foreign and MARKS[self.target.kind] not in stored:
            raise HubRefused(
                f"it holds files that this pipeline did not push, such as {foreign[0]}, and a push would replace"
                " them; name another repository, or delete them there"
            )

    def _tag(self, tag: str, commit: str) -> None:
        if tag not in self._tags():
            self.api.create_tag(
                self.target.repo_id, tag=tag, revision=commit, repo_type=self.target.kind, exist_ok=True
            )
            self.done.append(f"tag {tag} was set")

    def _tags(self) -> set[str]:
        refs = self.api.list_repo_refs(self.target.repo_id, repo_type=self.target.kind)
        return {one.name for one in refs.tags}


def _difference(stored: dict[str, RepoFile], files: Files) -> tuple[list[str], list[str]]:
    """Paths that are not stored with the content of `files`, and paths that are stored but not in `files`."""
    changed = [path for path, content in files.items() if not _equal(stored.get(path), content)]
    return changed, [path for path in stored if path not in files and path not in KEPT_FILES]


def _equal(stored: RepoFile | None, content: Content) -> bool:
    if stored is None:
        return False
    return sha256(content) == stored.lfs.sha256 if stored.lfs else git_blob_id(content) == stored.blob_id
