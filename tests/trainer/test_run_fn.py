import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import tensorflow as tf

from schemas.errors import UserError
from trainer.export import MODEL_INFO_PATH
from trainer.run_fn import run_fn

TRAINING = {"encoder_scale": 1, "epochs": 1, "fine_tune_epochs": 0, "batch_size": 4}


def arguments(folder, shards, **custom_config):
    pattern = str(Path(shards[0]).parent / "*")
    return SimpleNamespace(
        train_files=[pattern],
        eval_files=[pattern],
        serving_model_dir=str(folder / "model"),
        model_run_dir=str(folder / "run"),
        custom_config={
            "dataset": "pets",
            "image_size": 32,
            "manifest_sha256": "1" * 64,
            "source_sha256": "2" * 64,
            **custom_config,
        },
    )


def test_a_run_leaves_a_model_with_its_signatures_and_its_origin(write_shards, weights_file, tmp_path, capsys):
    run_fn(
        arguments(tmp_path, write_shards(list(range(4)), 32), training={**TRAINING, "encoder_weights": weights_file})
    )
    signatures = tf.saved_model.load(str(tmp_path / "model")).signatures
    assert set(signatures) == {"serving_default", "predict_pixels", "evaluate"}
    assert json.loads((tmp_path / "model" / MODEL_INFO_PATH).read_text())["manifest_sha256"] == "1" * 64
    assert list((tmp_path / "run").rglob("events.out.tfevents.*"))
    assert capsys.readouterr().out.startswith("epoch   1/1  loss ")


def test_a_wrong_setting_is_an_error_that_names_it_before_anything_is_read(tmp_path):
    with pytest.raises(UserError, match=r"custom_config: training\.epochs: "):
        run_fn(arguments(tmp_path, ["nowhere/shard"], training={**TRAINING, "epochs": 0}))
    assert list(tmp_path.iterdir()) == []
