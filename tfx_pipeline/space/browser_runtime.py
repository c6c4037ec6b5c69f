"""LiteRT.js, which runs the model in the visitor's browser, from its npm package at the version locked in `npm/`.

The Space contains it, so the page makes no requests except to the Hub. npm checks the package against the lock's
SHA-512; it is fetched once and kept in the user's cache folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from schemas.errors import UserError

# Path in the Space's `runtime/` to path in `node_modules/`. Browsers that lack relaxed SIMD load the second build.
FILES = {
    "core.js": "@litertjs/core/dist/index.js",
    "wasm-utils.js": "@litertjs/wasm-utils/dist/index.js",
    "wasm/litert_wasm_internal.js": "@litertjs/core/wasm/litert_wasm_internal.js",
    "wasm/litert_wasm_internal.wasm": "@litertjs/core/wasm/litert_wasm_internal.wasm",
    "wasm/litert_wasm_compat_internal.js": "@litertjs/core/wasm/litert_wasm_compat_internal.js",
    "wasm/litert_wasm_compat_internal.wasm": "@litertjs/core/wasm/litert_wasm_compat_internal.wasm",
}
REMEDY = "; a static Space needs npm and its registry once, a gradio Space needs neither"

_NPM = Path(__file__).with_name("npm")


def runtime_files() -> dict[str, bytes]:
    """The runtime's files by their path in the Space's `runtime/` folder.

    Raises:
      UserError: npm is missing, or cannot fetch the package.
    """
    modules = _installed_modules()
    contents = {name: (modules / path).read_bytes() for name, path in FILES.items()}
    return contents | {"LICENSE": (_NPM / "LICENSE").read_bytes()}  # Apache-2.0 requires that copies include it


def _installed_modules() -> Path:
    lock = (_NPM / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segmentation-pipeline"
    folder = cache / f"litertjs-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as temporary:
            fresh = Path(temporary, "fresh")
            fresh.mkdir()
            for name in ("package.json", "package-lock.json"):
                (fresh / name).write_bytes((_NPM / name).read_bytes())
            _npm_ci(fresh)
            try:
                fresh.rename(folder)
            except OSError:  # another process was faster
                if not folder.is_dir():
                    raise
    return folder / "node_modules"


def _npm_ci(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise UserError(f"npm is not installed{REMEDY}")
    command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        said = " ".join(ended.stderr.split())[:300]
        raise UserError(f"npm cannot fetch the browser's runtime: {said}{REMEDY}")
