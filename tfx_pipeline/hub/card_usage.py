"""How to load the model, as code that runs as is: a test takes it from the card and runs it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from schemas.exported_model import ModelInfo, TfliteReport
from schemas.fitting import LETTERBOX, PADDING
from schemas.image_size import sides
from tfx_pipeline.config.hub import PUBLIC_ENDPOINT, HubConfig
from tfx_pipeline.space.markdown import code, table

SAVED_MODEL_CODE = """\
import numpy as np
import tensorflow as tf
from huggingface_hub import snapshot_download

folder = snapshot_download({where}, allow_patterns="saved_model/*")
model = tf.saved_model.load(f"{{folder}}/saved_model")
photo = tf.io.read_file("photo.jpg")  # JPEG or PNG, any size
answer = model.signatures["serving_default"](image_bytes=photo[None])
class_ids = tf.io.decode_png(answer["mask_bytes"][0])[..., 0].numpy()  # uint8, as large as the upright photo
print(class_ids.shape, "classes:", np.unique(class_ids).tolist())"""

TFLITE_CODE = """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from huggingface_hub import snapshot_download
from PIL import Image, ImageOps

folder = snapshot_download({where}, allow_patterns="*.tflite")
segment = Interpreter(model_path=f"{{folder}}/model.tflite").get_signature_runner("predict_pixels")
photo = Image.open("photo.jpg")
photo.info.pop("xmp", None)  # as in training, EXIF alone says which side is up
photo = ImageOps.exif_transpose(photo).convert("RGB")
{fitted}
planes = [Image.fromarray(plane).resize(photo.size, Image.Resampling.BILINEAR) for plane in np.moveaxis(logits, -1, 0)]
class_ids = np.argmax(planes, axis=0).astype(np.uint8)  # as large as the upright photo
print(class_ids.shape, "classes:", np.unique(class_ids).tolist())"""


STRETCHED_CODE = """\
pixels = np.asarray(photo.resize(({width}, {height}), Image.Resampling.BILINEAR), np.float32)  # RGB in 0..255
logits = segment(pixels=pixels[np.newaxis])["logits"][0]  # float32 [{height}, {width}, {classes}]"""

LETTERBOXED_CODE = """\
scale = min({width} / photo.width, {height} / photo.height)  # the photo keeps its aspect; the rest is grey
size = [max(1, int(side * scale + 0.5)) for side in photo.size]
left, top = ({width} - size[0]) // 2, ({height} - size[1]) // 2
image = Image.new("RGB", ({width}, {height}), ({padding}, {padding}, {padding}))
image.paste(photo.resize(size, Image.Resampling.BILINEAR), (left, top))
pixels = np.asarray(image, np.float32)  # RGB in 0..255
logits = segment(pixels=pixels[np.newaxis])["logits"][0]  # float32 [{height}, {width}, {classes}]
logits = logits[top : top + size[1], left : left + size[0]]"""


def usage(hub: HubConfig, info: ModelInfo, tag: str) -> str:
    """The section of the card.

    Args:
      hub: Where the code loads from.
      info: The model info; its `tflite` says which TFLite models there are and how close they are.
      tag: The version that the code loads.
    """
    height, width = sides(info.image_size)
    fitting = LETTERBOXED_CODE if info.fit == LETTERBOX else STRETCHED_CODE
    fitted = fitting.format(height=height, width=width, classes=len(info.classes), padding=PADDING)
    where = f"{json.dumps(hub.model_repo)}, revision={json.dumps(tag)}"
    if hub.endpoint != PUBLIC_ENDPOINT:
        where += f", endpoint={json.dumps(hub.endpoint)}"
    parts = [
        "The mask is as large as the photo and has smooth edges, because logits are enlarged, not class ids.",
        "With TensorFlow (`pip install tensorflow huggingface_hub`):",
        f"```python\n{SAVED_MODEL_CODE.format(where=where)}\n```",
    ]
    if info.tflite:
        parts += [
            "With LiteRT, which is small and starts fast (`pip install ai-edge-litert huggingface_hub pillow`):",
            f"```python\n{TFLITE_CODE.format(where=where, fitted=fitted)}\n```",
            "Measured against the SavedModel on images of the eval split:",
            _parity(info.tflite),
        ]
    return "\n\n".join(parts)


def _parity(tflite: Mapping[str, TfliteReport]) -> str:
    rows = [
        [
            code(name),
            f"{one.bytes / 1e6:.2f} MB",
            str(one.compared_images),
            f"{one.equal_pixels:.4%}",
            "-" if one.mean_iou_difference is None else f"{one.mean_iou_difference:+.4f}",
        ]
        for name, one in sorted(tflite.items())
    ]
    return table(["file", "size", "images", "pixels of the same class", "difference in mean IoU"], rows)
