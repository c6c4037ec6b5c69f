"""Two models share an endpoint's traffic: the log alone says how their answers differ."""

import json

import numpy as np
import pytest

from beam_jobs.served.class_file import write_classes
from beam_jobs.storage.files import write_atomically
from beam_jobs.traffic.command_line import main
from beam_jobs.traffic.figures import Mean, difference
from beam_jobs.traffic.request import make_request
from schemas.errors import UserError
from tests.beam_jobs.monitor.served_logs import CLASSES, MODEL, served, write_log
from tests.html_pages import Page

pytestmark = pytest.mark.slow
CANDIDATE = b"0123456789ab"


def traffic(log, output, *options):
    return main([f"--log={log}", f"--output={output}", *options])


def split_log(folder, change=lambda record: record, photos=400, share=0.25):
    """A log in which a candidate has a share of the answers, changed."""
    random = np.random.default_rng(5)
    records = []
    for record in served(random, photos):
        is_candidate = random.random() < share
        records.append(change(record | {"model": CANDIDATE}) if is_candidate else record)
    return write_log(folder, iter(records))


def more_border(record):
    moved = min(0.1, record["background_fraction"])
    less = {"background_fraction": record["background_fraction"] - moved, "mean_confidence": 0.5}
    return {**record, **less, "border_fraction": record["border_fraction"] + moved, "latency_ms": 500.0}


def test_what_the_candidate_answers_otherwise_is_found_and_what_is_alike_is_not(tmp_path, capfd):
    log = split_log(tmp_path / "log", more_border)
    for _ in range(2):  # an earlier page is replaced
        assert traffic(log, tmp_path / "out") == 0
    outcome = json.loads((tmp_path / "out/traffic.json").read_text())
    counts = outcome["served"]["photos"], outcome["candidate"]["photos"]
    assert (outcome["served"]["model"], outcome["candidate"]["model"]) == (MODEL, CANDIDATE.decode())
    assert sum(counts) == outcome["records"]["judged"] == 400
    border, light = outcome["measures"]["border_fraction"], outcome["measures"]["brightness"]
    assert 0.05 < border["low"] < border["value"] < border["high"] < 0.15
    assert light["low"] < 0 < light["high"]
    printed = capfd.readouterr().out
    for line in ("  Photos: alike", "! Class shares: most: b", "! Confidence: ", "! Speed: ", "  Classes: both show"):
        assert line in printed
    page = Page((tmp_path / "out/traffic.html").read_text())
    for words in (CANDIDATE.decode(), "400 compared of 400", "What no model decides", "alike"):
        assert words in page.text


def test_classes_have_the_titles_and_colours_of_the_log_in_the_model_s_order(tmp_path, capfd):
    log = split_log(tmp_path / "log", more_border)
    names, titles = ("pet", "background", "border"), ("Pet", "Behind it", "Edge <b>")
    palette = ((255, 0, 0), (0, 255, 0), (0, 0, 255))
    write_classes(str(log), CANDIDATE.decode(), names, titles, palette, write_atomically)
    assert traffic(log, tmp_path / "out") == 0
    assert "! Class shares: most: Behind it -" in capfd.readouterr().out
    outcome = json.loads((tmp_path / "out/traffic.json").read_text())
    assert (outcome["classes"], outcome["colors"]["border"]) == ([*names], "#0000ff")
    page = Page((tmp_path / "out/traffic.html").read_text())
    swatches = [found["style"] for tag, found in page.elements if found.get("class") == "swatch"]
    assert swatches == 2 * [f"background:{color}" for color in ("#ff0000", "#00ff00", "#0000ff")]
    assert page.text.count("Edge <b>") == 2
    assert page.text.index("Pet") < page.text.index("Behind it\n") < page.text.index("Edge")


def test_photos_that_are_not_alike_are_said_since_no_model_decides_them(tmp_path, capfd):
    log = split_log(tmp_path / "log", lambda record: record | {"brightness": record["brightness"] * 0.6})
    assert traffic(log, tmp_path / "out") == 0
    assert "! Photos: not alike: brightness" in capfd.readouterr().out


def test_a_log_whose_callers_do_not_say_what_they_are_is_read(tmp_path):
    records = [
        {name: value for name, value in one.items() if name != "client"} for one in served(np.random.default_rng(5), 1)
    ]
    log = write_log(tmp_path / "log", iter(records))
    assert make_request(str(log), str(tmp_path / "out")).classes == CLASSES


def test_the_candidate_is_the_one_that_is_named(tmp_path):
    log = split_log(tmp_path / "log", share=0.9)
    assert traffic(log, tmp_path / "out", f"--candidate={CANDIDATE.decode()}") == 0
    assert json.loads((tmp_path / "out/traffic.json").read_text())["candidate"]["photos"] > 300
    with pytest.raises(UserError, match="is not in the window; it has 0123456789ab"):
        traffic(log, tmp_path / "out", "--candidate=aaaaaaaaaaaa")
    assert not (tmp_path / "out/traffic.html").exists()


def test_a_log_of_one_model_and_of_few_photos(tmp_path, capfd):
    with pytest.raises(UserError, match=r"holds only model 1700000000 \(trained on ffffffffffff\) from"):
        traffic(split_log(tmp_path / "one", share=0), tmp_path / "out")
    assert traffic(split_log(tmp_path / "few", photos=20), tmp_path / "out") == 0
    assert "Comparison: too few photos" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--log=LOG/none"], "--log LOG/none: no such folder"),
        (["--log=LOG"], "--log LOG: holds no records"),
        (["--log=LOG", "--candidate=v2"], "--candidate=v2: must be 12 hexadecimal digits"),
        (["--log=LOG", "--output=LOG/out"], "lies in --log LOG, which is read"),
        (["--log=LOG", "--to=yesterday"], "--to=yesterday: not a time"),
    ],
)
def test_mistakes_are_refused_in_one_line(tmp_path, options, said):
    log = tmp_path / "log"
    log.mkdir()
    options = [f"--output={tmp_path / 'out'}", *(one.replace("LOG", str(log)) for one in options)]
    with pytest.raises(UserError) as refused:
        main(options)
    assert said.replace("LOG", str(log)) in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_intervals_are_those_of_two_independent_means():
    before, after = Mean(0.5, 0.2, 400), Mean(0.6, 0.1, 100)
    found = difference(before, after)
    error = (0.2**2 / 400 + 0.1**2 / 100) ** 0.5
    assert (found.value, found.low, found.high) == pytest.approx((0.1, 0.1 - 1.96 * error, 0.1 + 1.96 * error))
    assert difference(before, Mean(0.6, 0.1, 29)).low is None
