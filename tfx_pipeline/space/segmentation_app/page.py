"""The page, and the function `/segment` that programs call."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from gradio.utils import get_upload_folder

from .classes import hex_color, titles
from .downloads import CLASS_IDS, Download, downloads, write_download
from .layers import annotated, comparison_html
from .model import Segmentation, Segmenter
from .photo import PhotoRefused, check_depth, read_class_ids, read_photo
from .rendering import (
    BUSY,
    IDLE,
    details_html,
    legend_html,
    messages_html,
    purpose,
    result_in_words,
    scale_html,
    shares,
)
from .served_log import AnswerLog
from .uploads import UploadedImage, read_upload

CACHE_SECONDS = 3600  # visitors' photos are deleted after an hour
ONE_AT_A_TIME = "photo"  # one model, one photo at a time
VIEWS = (
    '<fieldset id="view"><legend>View</legend>'
    '<label><input type="radio" name="view" value="classes" checked> Classes</label>'
    '<label><input type="radio" name="view" value="confidence"> Confidence</label></fieldset>'
)
NO_RESULT = '<p class="empty">The result will be here.</p>'
SET_OPACITY = "value => document.documentElement.style.setProperty('--mask-opacity', value)"
SAVE_FILE = """file => {
  const link = document.createElement("a");
  [link.href, link.download] = [file.url, file.orig_name];
  link.click();
}"""


def build(
    title: str,
    segmenter: Segmenter,
    examples: list[Path],
    credit: str | None = None,
    log: AnswerLog | None = None,
) -> gr.Blocks:
    """Builds the page for a loaded model, with the paths of example photos, what they are from, and perhaps a log."""
    info = segmenter.info
    offered = downloads(info)

    def begin(photo: str | None) -> list[Any]:
        """Clears what is known of the last photo; where a photo was only taken away, a refusal stays."""
        off = [gr.Button(interactive=False) for _ in offered]
        said = (gr.skip(), gr.skip()) if photo is None else (messages_html(BUSY), gr.UploadButton(visible=True))
        return [NO_RESULT, legend_html(None, info), None, *said, *off]

    def show(photo: str | None) -> list[Any]:
        """What the page shows of a photo; one that cannot be used makes room for the next one."""
        if photo is None:
            return [gr.skip()] * (5 + len(offered))
        try:
            pixels, segmentation, seconds = _segmented(segmenter, photo, log)
        except PhotoRefused as refused:
            message = messages_html(IDLE, str(refused))
            return [gr.skip(), gr.skip(), gr.skip(), message, None, *[gr.skip()] * len(offered)]
        ids_path = _new_path(photo, CLASS_IDS)
        write_download(CLASS_IDS, pixels, segmentation.class_ids, info, 1.0, ids_path)
        return [
            comparison_html(pixels, segmentation, info),
            legend_html(shares(segmentation.class_ids, info["classes"]), info),
            str(ids_path),
            messages_html(result_in_words(segmentation, info, seconds)),
            gr.skip(),
            *[gr.Button(interactive=True) for _ in offered],
        ]

    with gr.Blocks(
        title=title, analytics_enabled=False, fill_width=True, delete_cache=(CACHE_SECONDS, CACHE_SECONDS)
    ) as app:
        kept = f'<p class="kept">{escape(log.notice)}</p>' if log else ""
        gr.HTML(f"<h1>{escape(title)}</h1><p>{escape(purpose(titles(info)))}</p>{kept}")
        with gr.Row():
            with gr.Column(min_width=280):
                photo = UploadedImage(
                    type="filepath",
                    label="Photo",
                    height=360,
                    sources=["upload", "clipboard", "webcam"],
                    elem_id="photo",
                )
                messages = gr.HTML(messages_html(IDLE), elem_id="messages")
                another = gr.UploadButton("Choose another photo", file_types=["image"], elem_id="next", visible=False)
                if examples:
                    label = f"Or try one of these, from {credit}" if credit else "Or try one of these"
                    gr.Examples([[str(path)] for path in examples], photo, label=label)
            with gr.Column(min_width=280):
                result = gr.HTML(NO_RESULT, elem_id="result")
                gr.HTML(VIEWS)
                opacity = gr.Slider(0, 1, 0.6, step=0.05, label="Opacity", elem_id="opacity", buttons=[])
                gr.HTML(scale_html(info), elem_id="scale")
                gr.HTML("<h2>Download</h2>")
                with gr.Row(elem_id="downloads"):
                    buttons = [
                        gr.Button(one.label, variant="primary", size="md", interactive=False, elem_id=one.key)
                        for one in offered
                    ]
                legend = gr.HTML(legend_html(None, info), elem_id="legend")
        gr.HTML(details_html(segmenter))
        class_ids, file = gr.File(visible=False), gr.File(visible=False)

        of_photo = [result, legend, class_ids, messages]
        begun = photo.change(
            begin, photo, [*of_photo, another, *buttons], queue=False, show_progress="hidden", api_visibility="private"
        )
        begun.then(
            show,
            photo,
            [*of_photo, photo, *buttons],
            show_progress_on=result,
            concurrency_id=ONE_AT_A_TIME,
            api_visibility="private",
        )
        another.upload(lambda path: path, another, photo, api_visibility="private")
        opacity.input(None, opacity, js=SET_OPACITY, api_visibility="private")
        for button, one in zip(buttons, offered):
            button.click(
                partial(_download, one, info),
                [photo, class_ids, opacity],
                file,
                concurrency_id=ONE_AT_A_TIME,
                api_visibility="private",
            ).success(None, file, js=SAVE_FILE, api_visibility="private")
        _serve_programs(segmenter, photo, log)
    return app


def _serve_programs(segmenter: Segmenter, photo: gr.Image, log: AnswerLog | None) -> None:
    """Adds `/segment`: a photo to the annotated photo, the file of class ids, and the share of each class."""
    info = segmenter.info

    def segment(photo: str | None) -> tuple[Any, str | None, dict[str, Any] | None]:
        if photo is None:
            return None, None, None
        try:
            pixels, segmentation, seconds = _segmented(segmenter, photo, log)
        except PhotoRefused as refused:
            raise gr.Error(str(refused), print_exception=False) from None
        height, width = segmentation.class_ids.shape
        path = _new_path(photo, CLASS_IDS)
        write_download(CLASS_IDS, pixels, segmentation.class_ids, info, 1.0, path)
        found = shares(segmentation.class_ids, info["classes"])
        result = {
            "shares": {name: round(share, 4) for name, share in found.items()},
            "mean_confidence": round(float(segmentation.confidence.mean()), 4),
            "width": width,
            "height": height,
            "seconds": round(seconds, 3),
            "model": segmenter.source,
            "commit": segmenter.commit,
        }
        return annotated(pixels, segmentation.class_ids, info), str(path), result

    colors = {title: hex_color(color) for title, color in zip(titles(info), info["palette"])}
    outputs = [
        gr.AnnotatedImage(label="Classes", color_map=colors, visible=False),
        gr.File(label="Class ids", visible=False),
        gr.JSON(label="Result", visible=False),
    ]
    gr.Button(visible=False).click(segment, photo, outputs, concurrency_id=ONE_AT_A_TIME, api_name="segment")


def _segmented(segmenter: Segmenter, photo: str, log: AnswerLog | None) -> tuple[np.ndarray, Segmentation, float]:
    """The pixels of an uploaded photo, what the model says of it, and the seconds that both took; logs the answer."""
    began = time.perf_counter()
    data = read_upload(photo)
    check_depth(data, segmenter.info)
    pixels = read_photo(data)
    segmentation = segmenter.segment(pixels)
    seconds = time.perf_counter() - began
    if log:
        log.add(pixels, segmentation.seen, seconds)
    return pixels, segmentation, seconds


def _download(
    download: Download, info: dict[str, Any], photo: str | None, class_ids: str | None, opacity: float
) -> str | None:
    """Writes a file of the photo on the page and its class ids."""
    if photo is None or class_ids is None:
        return None
    path = _new_path(photo, download)
    try:
        pixels = read_photo(read_upload(photo))
        ids = read_class_ids(read_upload(class_ids), *pixels.shape[:2])
    except PhotoRefused as refused:
        raise gr.Error(str(refused), print_exception=False) from None
    write_download(download, pixels, ids, info, min(max(float(opacity), 0.0), 1.0), path)
    return str(path)


def _new_path(photo: str, download: Download) -> Path:
    return Path(tempfile.mkdtemp(dir=get_upload_folder()), f"{Path(photo).stem}{download.suffix}")
