"""A candidate answers the photos that a log of what is served has kept, by source and client."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.served import HOUR, photo_path
from tests.beam_jobs.monitor.served_logs import NOON, WRITER, write_log
from tests.beam_jobs.shadow.two_models import photo, shadow, write_photo

TIME = NOON - HOUR // 2
OF_SHOP, OF_CAMERA = 22, 5
FIGURES = "agreement", "confusion", "class_shares", "presence", "slices", "least_agreement", "confidence", "entropy"


@pytest.fixture
def log(tmp_path) -> Path:
    """27 kept photos of two clients, one of them named twice; one that is gone, one elsewhere, and one not kept."""
    log, records = tmp_path / "log", []
    common = {"time": TIME, "model": b"1700000000", "source": b"endpoint"}
    for number in range(OF_SHOP + OF_CAMERA):
        path = photo_path(TIME, WRITER, number, "png")
        write_photo(log / path, photo(number))
        client = b"shop" if number < OF_SHOP else b"camera"
        records.append({**common, "client": client, "photo": path.encode()})
    write_photo(tmp_path / "photos/outside.png", photo(99))
    paths = photo_path(TIME, WRITER, 100, "png"), "photos/../../photos/outside.png"
    records += [records[0], *({**common, "photo": path.encode()} for path in paths), dict(common)]
    return write_log(log, iter(records))


def test_kept_photos_are_compared_by_source_and_client_and_no_path_leaves_the_log(models, log, tmp_path, capfd):
    earlier = TIME - 2 * HOUR
    path = photo_path(earlier, WRITER, 0, "png")
    write_photo(log / path, photo(200))
    record = {"time": earlier, "model": b"1700000000", "source": b"endpoint", "photo": path.encode()}
    write_log(log, iter([record]), "0" * 12)
    window = "--from=2026-11-29T10:30", "--to=2026-11-29T12"
    assert shadow(models, tmp_path / "out", f"--log={log}", *window, candidate="tiled") == 0
    outcome = json.loads((tmp_path / "out/shadow.json").read_text())
    assert (outcome["photos"]["compared"], outcome["photos"]["rejected"]) == (OF_SHOP + OF_CAMERA, 1)
    [problem] = outcome["photos"]["first_problems"]
    assert problem["problem"] == "a record is not one of a log (it names a photo outside of the log)"
    slices = outcome["slices"]
    assert {name: one["photos"] for name, one in slices.items()} == {
        "client camera": OF_CAMERA,
        "client shop": OF_SHOP,
        "source endpoint": OF_SHOP + OF_CAMERA,
    }
    assert slices["client camera"]["agreement"] is None  # too few
    assert slices["source endpoint"]["agreement"] == outcome["agreement"]
    lines = [json.loads(line) for path in tmp_path.glob("out/table/*") for line in path.read_text().splitlines()]
    shop = [one["agreement"] for one in lines if one["client"] == "shop"]
    assert slices["client shop"]["agreement"]["value"] == pytest.approx(sum(shop) / OF_SHOP, abs=1e-5)
    assert outcome["confidence"]["candidate"] is None  # a tiled model gives class ids alone
    page = (tmp_path / "out/shadow.html").read_text()
    for words in ("client shop", "fewer than 20 photos", "not measured: export the model again"):
        assert words in page
    assert "1 problems in the log" in capfd.readouterr().out


@pytest.mark.proof
def test_a_log_in_a_bucket_gives_the_figures_of_the_same_log_here(models, log, bucket, storage, tmp_path):
    assert shadow(models, tmp_path / "out", f"--log={log}") == 0
    storage.put_folder(log, f"{bucket}/log")
    storage.put_folder(models, f"{bucket}/models")
    assert shadow(f"{bucket}/models", f"{bucket}/out", f"--log={bucket}/log") == 0
    here = json.loads((tmp_path / "out/shadow.json").read_text())
    there = json.loads(storage.get(f"{bucket}/out/shadow.json"))
    assert {name: there[name] for name in FIGURES} == {name: here[name] for name in FIGURES}
    assert storage.get(f"{bucket}/out/shadow.html").startswith(b"<!DOCTYPE html>")


@pytest.mark.proof
def test_worker_processes_find_what_one_process_finds(models, log, tmp_path):
    found = []
    for name, options in (("one", []), ("two", ["--direct_running_mode=multi_processing", "--direct_num_workers=2"])):
        command = [sys.executable, "-m", "beam_jobs.shadow", f"--model={models}/served", f"--log={log}", *options]
        command += [f"--candidate={models}/candidate", f"--output={tmp_path / name}"]
        subprocess.run(command, check=True, capture_output=True)
        outcome = json.loads((tmp_path / name / "shadow.json").read_text())
        found.append({figure: outcome[figure] for figure in FIGURES})
    assert found[0] == found[1]
