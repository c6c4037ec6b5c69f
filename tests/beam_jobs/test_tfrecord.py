import hashlib
import io

import tensorflow as tf

from beam_jobs.records import to_example
from beam_jobs.tfrecord import TFRecordWriter


def test_tensorflow_reads_what_was_written(tmp_path):
    records = [b"", b"one", bytes(range(256)) * 40]
    with (tmp_path / "records").open("wb") as file:
        writer = TFRecordWriter(file)
        for record in records:
            writer.write(record)
    assert list(tf.data.TFRecordDataset(str(tmp_path / "records")).as_numpy_iterator()) == records
    data = (tmp_path / "records").read_bytes()
    assert (writer.bytes, writer.records) == (len(data), 3)
    assert writer.sha256 == hashlib.sha256(data).hexdigest()


def test_the_bytes_are_those_of_tensorflows_own_writer(tmp_path):
    with tf.io.TFRecordWriter(str(tmp_path / "records")) as writer:
        writer.write(b"a record")
    ours = io.BytesIO()
    TFRecordWriter(ours).write(b"a record")
    assert ours.getvalue() == (tmp_path / "records").read_bytes()


def test_an_example_has_the_same_bytes_whatever_the_order_of_its_features():
    values = {"name": b"x", "side": 3, "share": 0.25}
    assert to_example(values) == to_example(dict(reversed(values.items())))
    example = tf.train.Example.FromString(to_example(values))
    assert example.features.feature["share"].float_list.value == [0.25]
