"""Serves the app of a Gradio Space."""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Gradio's summary of calls, which is not shown here, fails with pandas 1: skip it.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))

import gradio as gr
from gradio.utils import get_space
from starlette.middleware import Middleware

from .hosts import OwnHostOnly, WithoutUnusedRoutes
from .model import Segmenter, load_segmenter
from .page import build
from .photo import MAX_FILE_BYTES
from .served_log import AnswerLog, open_log
from .uploads import accept_uploads_only, upload_folder

EXAMPLES_FOLDER = "examples"
SYSTEM_FONTS = ("system-ui", "sans-serif")  # nothing is fetched from a font service
MONOSPACE_FONTS = ("ui-monospace", "monospace")
VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">'


def main(root: Path) -> None:
    """Serves the app of a Space repository until it is stopped; the address comes from Gradio's own variables."""
    segmenter = load_segmenter(root)
    with upload_folder(), open_log(segmenter, os.environ) as log:
        _serve(root, segmenter, log)


def _serve(root: Path, segmenter: Segmenter, log: AnswerLog | None) -> None:
    here = Path(__file__).parent
    space = json.loads((root / "space.json").read_text(encoding="utf-8"))
    examples = [root / EXAMPLES_FOLDER / name for name in space["examples"]]
    app = build(space["title"], segmenter, examples, space["examples_credit"], log)
    accept_uploads_only(examples)
    scripts = [path.read_text(encoding="utf-8") for path in (root / "comparing.js", here / "gradio.js")]
    app.queue(default_concurrency_limit=1)
    app.launch(
        theme=_theme(),
        css_paths=[root / "look.css", here / "gradio.css"],
        head=VIEWPORT + "".join(f"<script>{script}</script>" for script in scripts),
        footer_links=["api"],
        max_file_size=MAX_FILE_BYTES,
        ssr_mode=False,
        quiet=True,
        app_kwargs={"middleware": _middleware()},
        prevent_thread_lock=True,
    )
    print(f"open {app.local_url} in a browser", flush=True)
    app.block_thread()


def _theme() -> gr.themes.Base:
    theme = gr.themes.Default(primary_hue="teal", neutral_hue="slate", font=SYSTEM_FONTS, font_mono=MONOSPACE_FONTS)
    return theme.set(
        button_primary_background_fill="*primary_700",  # white text is legible on it
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        slider_color="*primary_700",
    )


def _middleware() -> list[Middleware]:
    layers = [Middleware(WithoutUnusedRoutes)]
    if not get_space():  # on the Hub, its proxy knows the Space's host
        layers.append(Middleware(OwnHostOnly, name=os.environ.get("GRADIO_SERVER_NAME", "localhost")))
    return layers
