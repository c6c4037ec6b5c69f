import hashlib
import io

import tensorflow as tf

from beam_jobs.records.tfrecord import TFRecordReader, TFRecordWriter


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


def test_what_tensorflow_has_written_is_read_counted_and_hashed(tmp_path):
    records = [b"", b"one", bytes(range(256)) * 40]
    with tf.io.TFRecordWriter(str(tmp_path / "records")) as writer:
        for record in records:
            writer.write(record)
    data = (tmp_path / "records").read_bytes()
    reader = TFRecordReader(io.BytesIO(data))
    assert list(reader) == records
    assert (reader.bytes, reader.records) == (len(data), 3)
    assert reader.sha256 == hashlib.sha256(data).hexdigest()
