"""What the evaluation's pictures are made of."""

import numpy as np
import tensorflow as tf

from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.records.tf_example import to_example
from schemas.features import IGNORE_ID
from schemas.fitting import LETTERBOX, photo_box
from schemas.spec import load_spec
from tests.beam_jobs.pictures import encode, gradient, trimap
from tests.published import make_manifest, write_shard
from tfx_pipeline.evaluation.eval_predictions import predict_examples

SIZE = 32


class EverythingIsBackground(tf.Module):
    """Answers with the class that an image of this size would have if nothing in it were padding."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def serving_default(self, image_bytes):
        mask = tf.io.encode_png(tf.ones([SIZE, SIZE, 1], tf.uint8))
        return {"mask_bytes": tf.fill(tf.shape(image_bytes), mask)}


def test_predictions_of_letterboxed_records_are_shown_and_judged_without_the_padding(tmp_path):
    model, shapes = EverythingIsBackground(), {"pug_1": (90, 30), "pug_2": (20, 80)}  # width and height
    tf.saved_model.save(model, str(tmp_path / "model"), signatures={"serving_default": model.serving_default})
    spec, encoding = load_spec("pets"), Encoding(SIZE, "png", 92, fit=LETTERBOX)
    records = {
        name: make_record(name, encode(gradient(*size), "PNG"), encode(trimap(*size), "PNG"), spec, encoding)
        for name, size in shapes.items()
    }
    splits = {}
    for split in ("train", "eval"):
        path = f"examples/Split-{split}/pets-{split}.tfrecord-00000-of-00001"
        shard = write_shard(tmp_path / path, path, [to_example(one.values) for one in records.values()])
        splits[split] = {"records": len(records), "shards": [shard.model_dump() | {"sha256": split[0] * 0 + "0" * 64}]}
    manifest = make_manifest(splits, image_size=SIZE, fit=LETTERBOX, options={"fit": LETTERBOX})
    found = predict_examples(tmp_path / "model", tmp_path, manifest, 3)
    assert found.count == len(records)
    for one in found.sample:
        box = photo_box(shapes[one.image_id][::-1], (SIZE, SIZE), LETTERBOX)
        assert one.photo.shape[:2] == one.truth.shape == one.predicted.shape == (box.height, box.width)
        assert not (one.truth == IGNORE_ID).any()
        assert np.ptp(one.photo[..., 0]) > 200  # all of it is there
