"""How to load the model, as code that runs as it stands: a test takes it from the card and runs it."""

from __future__ import annotations

from tfx_pipeline.components.hf_pusher.config import PUBLIC_ENDPOINT, HubConfig

SAVED_MODEL_CODE = """\
import tensorflow as tf
from huggingface_hub import snapshot_download

folder = snapshot_download({where})
model = tf.saved_model.load(f"{{folder}}/saved_model")
photo = tf.io.read_file("photo.jpg")  # JPEG or PNG, any size
class_ids = model.signatures["serving_default"](image_bytes=photo[None])["class_ids"][0]  # uint8 [{size}, {size}]
print(class_ids.shape, "classes:", sorted(set(class_ids.numpy().flat)))"""

TFLITE_CODE = """\
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from huggingface_hub import snapshot_download
from PIL import Image

folder = snapshot_download({where})
segment = Interpreter(f"{{folder}}/model.tflite").get_signature_runner()  # or model_int8.tflite: a quarter of the size
photo = Image.open("photo.jpg").convert("RGB").resize(({size}, {size}), Image.Resampling.BILINEAR)
class_ids = segment(pixels=np.asarray(photo, np.float32)[None])["class_ids"][0]  # [{size}, {size}]
print(class_ids.shape, "classes:", sorted(set(class_ids.flat)))"""


def usage(hub: HubConfig, image_size: int, tag: str, has_tflite: bool) -> str:
    """The section of the card; `tag` is the version that the code loads."""
    where = f'"{hub.model_repo}", revision="{tag}"'
    if hub.endpoint != PUBLIC_ENDPOINT:
        where += f', endpoint="{hub.endpoint}"'
    parts = [
        f"The answer has {image_size}x{image_size} pixels; enlarge it to the photo with nearest neighbour.",
        "With TensorFlow (`pip install tensorflow huggingface_hub`):",
        f"```python\n{SAVED_MODEL_CODE.format(where=where, size=image_size)}\n```",
    ]
    if has_tflite:
        parts += [
            "With LiteRT, which is small and starts at once (`pip install ai-edge-litert huggingface_hub pillow`):",
            f"```python\n{TFLITE_CODE.format(where=where, size=image_size)}\n```",
        ]
    return "\n\n".join(parts)
