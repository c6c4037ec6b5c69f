import pytest
import tensorflow as tf

from beam_jobs.records.tf_example import to_example


def with_tensorflow(values: dict) -> tf.train.Example:
    features = tf.train.Features()
    for name, value in values.items():
        feature = features.feature[name]
        if isinstance(value, bytes):
            feature.bytes_list.value.append(value)
        elif isinstance(value, int):
            feature.int64_list.value.append(value)
        else:
            feature.float_list.value.append(value)
    return tf.train.Example(features=features)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"image": bytes(range(256)) * 300, "image_id": b"", "breed": "Ärger".encode()},
        {"zero": 0, "one": 1, "two_bytes": 128, "large": 2**63 - 1, "negative": -1, "lowest": -(2**63)},
        {"zero": 0.0, "third": 1 / 3, "large": 3e38, "tiny": 1e-42, "infinite": float("inf")},
        {"b": 1, "a": b"x", "B": 0.5, "ä": 2, "a" * 200: b"y" * 127},
    ],
)
def test_the_bytes_are_those_of_tensorflow(values):
    """But for the order of the features, which protobuf does not promise: 3.20 and 6 differ."""
    written, expected = to_example(values), with_tensorflow(values)
    assert tf.train.Example.FromString(written) == expected
    assert len(written) == len(expected.SerializeToString())


def test_an_example_has_the_same_bytes_whatever_the_order_of_its_features():
    values = {"name": b"x", "side": 3, "share": 0.25}
    assert to_example(values) == to_example(dict(reversed(values.items())))
