"""The page, and the function `/segment` behind it."""

from __future__ import annotations

import json
import os
import tempfile
import time
from html import escape
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Gradio's summary of calls, which is not shown here, fails with pandas 1: skip it.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))

import gradio as gr
from gradio.utils import get_space, get_upload_folder
from starlette.middleware import Middleware

from .hosts import OwnHostOnly, WithoutUnusedRoutes
from .model import Segmenter, load_segmenter
from .photo import MAX_FILE_BYTES, PhotoRefused, read_photo
from .rendering import annotated, details_html, hex_color, legend_html, purpose, shares, titles, write_mask
from .uploads import accept_uploads_only, read_upload, upload_folder

EXAMPLES_FOLDER = "examples"
SYSTEM_FONTS = ("system-ui", "sans-serif")  # nothing is fetched from a font service
MONOSPACE_FONTS = ("ui-monospace", "monospace")
CACHE_SECONDS = 3600  # visitors' photos are deleted after an hour
SET_OPACITY = "value => document.documentElement.style.setProperty('--mask-opacity', value)"
HEAD = '<meta name="viewport" content="width=device-width, initial-scale=1">'


def main(root: Path) -> None:
    """Serves the app of a Space repository until it is stopped; the address comes from Gradio's own variables."""
    with upload_folder():
        _serve(root)


def _serve(root: Path) -> None:
    space = json.loads((root / "space.json").read_text(encoding="utf-8"))
    segmenter = load_segmenter(root)
    app = build(space["title"], segmenter, [root / EXAMPLES_FOLDER / name for name in space["examples"]])
    theme = gr.themes.Default(primary_hue="teal", neutral_hue="slate", font=SYSTEM_FONTS, font_mono=MONOSPACE_FONTS)
    theme.set(
        button_primary_background_fill="*primary_700",  # white text is legible on it
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        slider_color="*primary_700",
    )
    app.queue(default_concurrency_limit=1)  # one model, one photo at a time
    app.launch(
        theme=theme,
        css_paths=[root / "look.css", Path(__file__).with_name("gradio.css")],
        head=HEAD,
        footer_links=["api"],
        max_file_size=MAX_FILE_BYTES,
        ssr_mode=False,
        quiet=True,
        app_kwargs={"middleware": _middleware()},
        prevent_thread_lock=True,
    )
    print(f"open {app.local_url} in a browser", flush=True)
    app.block_thread()


def _middleware() -> list[Middleware]:
    layers = [Middleware(WithoutUnusedRoutes)]
    if not get_space():  # on the Hub, its proxy knows the Space's host
        layers.append(Middleware(OwnHostOnly, name=os.environ.get("GRADIO_SERVER_NAME", "localhost")))
    return layers


def build(title: str, segmenter: Segmenter, examples: list[Path]) -> gr.Blocks:
    """Builds the page for a loaded model, with the paths of example photos."""
    info = segmenter.info
    classes = info["classes"]
    colors = {title: hex_color(color) for title, color in zip(titles(info), info["palette"])}

    def segment(photo: str | None) -> tuple[Any, str | None, dict[str, Any] | None]:
        if photo is None:
            return None, None, None
        began = time.perf_counter()
        try:
            pixels = read_photo(read_upload(photo))
        except PhotoRefused as refused:
            raise gr.Error(str(refused), duration=None, print_exception=False) from None
        class_ids = segmenter.class_ids(pixels)
        height, width = pixels.shape[:2]
        seconds = time.perf_counter() - began
        path = Path(tempfile.mkdtemp(dir=get_upload_folder()), f"{Path(photo).stem}_mask.png")
        write_mask(class_ids, (width, height), info["palette"], path)
        result = {
            "shares": shares(class_ids, classes),
            "width": width,
            "height": height,
            "seconds": round(seconds, 3),
            "model": segmenter.source,
            "commit": segmenter.commit,
        }
        return annotated(pixels, class_ids, info), str(path), result

    with gr.Blocks(
        title=title, analytics_enabled=False, fill_width=True, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)
    ) as app:
        gr.HTML(
            f"<h1>{escape(title)}</h1><p>{escape(purpose(titles(info)))}</p>",
        )
        with gr.Row():
            with gr.Column(min_width=280):
                photo = gr.Image(
                    type="filepath",
                    label="Photo",
                    height=360,
                    sources=["upload", "clipboard", "webcam"],
                    elem_id="photo",
                )
                # The file as it was uploaded: `read_upload` and `read_photo` check it before anything decodes it.
                photo.preprocess = lambda payload: None if payload is None else payload.path
                if examples:
                    gr.Examples([[str(path)] for path in examples], photo, label="Or try one of these")
            with gr.Column(min_width=280):
                result_image = gr.AnnotatedImage(
                    label="Classes", color_map=colors, show_legend=False, height=360, elem_id="result"
                )
                opacity = gr.Slider(0, 1, 0.6, step=0.05, label="Opacity", elem_id="opacity", buttons=[])
                legend = gr.HTML(legend_html(None, info), elem_id="legend")
                mask = gr.DownloadButton("Download the mask", variant="primary", interactive=False, elem_id="mask")
        gr.HTML(details_html(segmenter))
        result = gr.JSON(visible=False)

        segmented = photo.change(segment, photo, [result_image, mask, result], api_name="segment")
        segmented.failure(lambda: (None, None, None), outputs=[result_image, mask, result], api_visibility="private")
        result.change(
            lambda values: (legend_html(values, info), gr.DownloadButton(interactive=values is not None)),
            result,
            [legend, mask],
            api_visibility="private",
        )
        opacity.input(None, opacity, js=SET_OPACITY, api_visibility="private")
    accept_uploads_only(app, examples)
    return app
