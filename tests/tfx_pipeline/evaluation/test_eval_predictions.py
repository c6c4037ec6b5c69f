"""What the evaluation's pictures are made of."""

import numpy as np
import tensorflow as tf

from beam_jobs.prepare.records import Encoding, make_record
from beam_jobs.records.tf_example import to_example
from schemas.features import IGNORE_ID
from schemas.fitting import LETTERBOX, photo_box
from schemas.manifest import Split
from schemas.shipped import load_spec
from schemas.version_files import shard_path
from tests.beam_jobs.pictures import encode, gradient, trimap
from tests.published import make_manifest, write_shard
from tfx_pipeline.evaluation.eval_predictions import predict_examples

SIZE = 32


class EverythingIsBackground(tf.Module):
    """Answers with one class, in padding too."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")])
    def serving_default(self, image_bytes):
        mask = tf.io.encode_png(tf.ones([SIZE, SIZE, 1], tf.uint8))
        return {"mask_bytes": tf.fill(tf.shape(image_bytes), mask)}


def test_predictions_of_letterboxed_records_are_shown_and_judged_without_the_padding(tmp_path):
    model, shapes = EverythingIsBackground(), {"pug_1": (90, 30), "pug_2": (20, 80)}  # width and height
    tf.saved_model.save(model, str(tmp_path / "model"), signatures={"serving_default": model.serving_default})
    spec, encoding = load_spec("pets"), Encoding(SIZE, "png", 92, fit=LETTERBOX)
    records = []
    for name, size in shapes.items():
        one = make_record(name, encode(gradient(*size), "PNG"), encode(trimap(*size), "PNG"), spec, encoding)
        records.append(to_example(one.values))
    path = shard_path("pets", "eval", 0, 1)
    shard = write_shard(tmp_path / path, path, records)
    splits = {"train": Split(records=0, shards=()), "eval": Split(records=2, shards=(shard,))}
    manifest = make_manifest(splits, image_size=SIZE, fit=LETTERBOX, options={"fit": LETTERBOX})
    found = predict_examples(tmp_path / "model", tmp_path, manifest, 3)
    assert found.count == len(records)
    for one in found.sample:
        box = photo_box(shapes[one.image_id][::-1], (SIZE, SIZE), LETTERBOX)
        assert one.photo.shape[:2] == one.truth.shape == one.predicted.shape == (box.height, box.width)
        assert not (one.truth == IGNORE_ID).any()
        assert np.ptp(one.photo[..., 0]) > 200  # all of it is there
