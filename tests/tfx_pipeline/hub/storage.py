"""What a Hub stores: repositories of commits, branches, tags and files, and large files by their digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from fnmatch import fnmatch

MAX_REGULAR_BYTES = 10 << 20  # 10 MiB; larger files, and binary ones, must be sent as LFS objects
# The patterns, among those of the Hub's own `.gitattributes`, that matter here.
LFS_PATTERNS = ("*.bin", "*.gz", "*.h5", "*.npz", "*.pb", "*.tflite", "*.wasm", "*.zip", "saved_model/*")
GIT_ATTRIBUTES = "".join(f"{one} filter=lfs diff=lfs merge=lfs -text\n" for one in LFS_PATTERNS).encode()


@dataclass(frozen=True)
class File:
    """The content of one path at one commit."""

    content: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def blob_id(self) -> str:
        """Git's id of the blob: of the content, or of the pointer that stands for an LFS object."""
        data = self.content
        if self.lfs:
            data = f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {len(data)}\n".encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()

    @property
    def oid(self) -> str:
        """What the Hub calls the file's oid when it is asked what has changed."""
        return self.sha256 if self.lfs else self.blob_id


@dataclass(frozen=True)
class Commit:
    """A state of all files, and how it came about."""

    oid: str
    parent: str | None
    title: str
    description: str
    files: dict[str, File]


@dataclass
class Repository:
    """One model or Space repository.

    Attributes:
      kind: `model` or `space`.
      name: `owner/name`.
      sdk: Of a Space.
      commits: By id.
      branches, tags: Name to commit id.
    """

    kind: str
    name: str
    private: bool
    sdk: str | None = None
    commits: dict[str, Commit] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        files = {".gitattributes": File(GIT_ATTRIBUTES, lfs=False)}
        self.branches["main"] = self._store(None, "initial commit", "", files)

    def resolve(self, revision: str) -> Commit | None:
        """The commit that a branch, a tag or an id names."""
        return self.commits.get(self.branches.get(revision) or self.tags.get(revision) or revision)

    def commit(self, branch: str, title: str, description: str, files: dict[str, File]) -> str:
        """Moves a branch to a new state and returns its commit id; the same state again is no new commit."""
        head = self.commits[self.branches[branch]]
        if files != head.files:
            self.branches[branch] = self._store(head.oid, title, description, files)
        return self.branches[branch]

    def _store(self, parent: str | None, title: str, description: str, files: dict[str, File]) -> str:
        tree = "".join(f"{path} {file.blob_id}\n" for path, file in sorted(files.items()))
        oid = hashlib.sha1(f"{self.kind} {self.name} {parent} {title}\n{description}\n{tree}".encode()).hexdigest()
        self.commits[oid] = Commit(oid, parent, title, description, files)
        return oid

    @property
    def head(self) -> Commit:
        """The newest commit of `main`."""
        return self.commits[self.branches["main"]]

    def history(self, branch: str = "main") -> list[Commit]:
        """The commits of a branch, newest first."""
        commits, oid = [], self.branches[branch]
        while oid is not None:
            commits.append(self.commits[oid])
            oid = commits[-1].parent
        return commits


def needs_lfs(path: str, size: int, sample: bytes) -> bool:
    """Whether the Hub takes a file as an LFS object only."""
    by_name = any(fnmatch(path, pattern) or fnmatch(path.rpartition("/")[2], pattern) for pattern in LFS_PATTERNS)
    return size > 0 and (by_name or size > MAX_REGULAR_BYTES or b"\0" in sample)
