"""From drift to a better model, on drawn photos: `python -m tests.bench.closed_loop [--folder=DIR]`, 5 minutes.

A model is trained on drawn pets by day, and serves. Quiet windows of day photos come first, then windows with more and
more night photos until the monitor raises an alarm; the photos that it chooses are labelled (with the masks they were
drawn with), merged into the next version, and the next model is trained on it. All of it by the commands that people
type. Printed are false alarms, when the alarm came, what was chosen, and the mean IoU of both models on other night
photos and on day photos that neither has seen.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import yaml
from PIL import Image

from beam_jobs.monitor.command_line import main as monitor
from beam_jobs.predict.command_line import main as predict
from beam_jobs.prepare.command_line import main as prepare
from tests.bench.console import run_and_exit
from tests.sample_data.writer import Settings, write_sample
from tfx_pipeline.local_runner import main as train

PHOTOS, MASKS = "images", "annotations/trimaps"  # of the drawn folders


class Plan(NamedTuple):
    """How large the rehearsal is.

    Attributes:
      trained: Photos by day that the first model is trained and evaluated on.
      pool: Photos by day, and as many by night, that windows are taken from.
      judged: Photos by day, and as many by night, that both models are judged on at the end.
      window: Photos in a window.
      quiet: Windows of day photos alone.
      shares: Of night photos in the windows after them, until there is an alarm.
      night: Photos in the window after that, all of them by night, from which those to label are chosen.
      labelled: Photos that are chosen at most.
      side: Pixels of a side of photos; the model's is half of it.
      epochs: Of each training.
    """

    trained: int = 300
    pool: int = 200
    judged: int = 80
    window: int = 60
    quiet: int = 20
    shares: tuple[float, ...] = (0.1, 0.3, 0.6, 1.0)
    night: int = 200
    labelled: int = 100
    side: int = 128
    epochs: int = 26


class Outcome(NamedTuple):
    """What came of it.

    Attributes:
      false_alarms: Quiet windows with an alarm.
      alarm_at: Share of night photos in the first window with an alarm; None if there was none.
      alarms: Texts of its alarms.
      chosen: Photos that were chosen to be labelled, in all, and those of them that are by night.
      night, day: Mean IoU of the first and of the second model.
      blessed: Whether the second model was blessed, against the first one.
    """

    false_alarms: int
    alarm_at: float | None
    alarms: tuple[str, ...]
    chosen: tuple[int, int]
    night: tuple[float, float]
    day: tuple[float, float]
    blessed: bool


def main() -> None:
    """Prints the outcome of the whole plan."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.closed_loop")
    parser.add_argument("--folder", type=Path, help="a new one, which is kept (default: one that is deleted)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        outcome = rehearse(options.folder or Path(temporary), Plan())
    print(f"false alarms          {outcome.false_alarms} in {Plan().quiet} quiet windows of {Plan().window} photos")
    came = "never" if outcome.alarm_at is None else f"at {outcome.alarm_at:.0%} night photos"
    print(f"alarm                 {came}: {'; '.join(outcome.alarms)}")
    print(f"chosen to be labelled {outcome.chosen[0]}, of them by night {outcome.chosen[1]}")
    print(f"mean IoU by night     {outcome.night[0]:.3f}, then {outcome.night[1]:.3f}")
    print(f"mean IoU by day       {outcome.day[0]:.3f}, then {outcome.day[1]:.3f}")
    print(f"second model          {'blessed' if outcome.blessed else 'not blessed'}")


def rehearse(folder: Path, plan: Plan) -> Outcome:
    """Goes the whole way once.

    Args:
      folder: For everything that is made; must be empty.
      plan: How large it is.
    """
    sources = folder / "sources"
    _drawn(sources / "day", plan.trained, 1, plan)
    pool = _both(folder / "pool", plan.pool, 2, plan)
    judged = _both(folder / "judged", plan.judged, 3, plan)
    first_version = _prepared(sources / "day", folder, "1.0.0", "--dataset=pets")
    first = _trained(folder, first_version, plan)
    served = _Served(folder, first, pool, plan)
    served.refer_to(first_version)
    false_alarms = sum(served.window(f"quiet-{number:02d}", 0.0, plan.window) for number in range(plan.quiet))
    alarm_at = next((share for share in plan.shares if served.window(f"mixed-{share}", share, plan.window)), None)
    alarms = served.alarms(f"mixed-{alarm_at}") if alarm_at else ()
    served.window("night", 1.0, plan.night)
    chosen = _labelled(folder / "windows" / "night" / "monitor", sources / "served", pool)
    (sources / "dataset.yaml").write_text(_MERGED)
    second = _trained(folder, _prepared(sources, folder, "1.1.0", f"--dataset={sources}"), plan)
    scores = {
        night: tuple(_score(model, version, folder / f"scores-{night}-{model.name}") for model in (first, second))
        for night, version in (
            (night, _prepared(photos, folder / f"judged-{night}", "1.0.0", "--dataset=pets"))
            for night, photos in judged.items()
        )
    }
    blessed = json.loads((folder / "pipeline" / "summary.json").read_text())["blessed"]
    return Outcome(false_alarms, alarm_at, alarms, chosen, scores[True], scores[False], blessed)


class _Served:
    """A model that answers windows of photos, each of them monitored."""

    def __init__(self, folder: Path, model: Path, pool: dict[bool, Path], plan: Plan):
        self._folder, self._model, self._plan = folder, model, plan
        self._pool = {night: sorted((photos / PHOTOS).iterdir()) for night, photos in pool.items()}
        self._random = np.random.default_rng(0)

    def refer_to(self, version: Path) -> None:
        """Logs the model's answers on its own data."""
        log = f"--log={self._folder / 'reference'}"
        _quiet(predict, f"--model={self._model}", f"--version_dir={version}", f"--output={self._folder / 'r'}", log)

    def window(self, name: str, share: float, count: int) -> bool:
        """Answers a window of some photos, of which a share is by night; whether there was an alarm."""
        folder = self._folder / "windows" / name
        (folder / "photos").mkdir(parents=True)
        for place, index in enumerate(self._random.permutation(self._plan.pool)[:count]):
            photo = self._pool[place < round(share * count)][index]
            shutil.copy(photo, folder / "photos" / photo.name)
        log = f"--log={folder / 'log'}"
        photos = f"--photos={folder / 'photos'}"
        _quiet(predict, f"--model={self._model}", photos, f"--output={folder / 'masks'}", log, "--log_photos=1")
        reference, output = f"--reference={self._folder / 'reference'}", f"--output={folder / 'monitor'}"
        return bool(_quiet(monitor, log, reference, output, f"--select={self._plan.labelled}"))

    def alarms(self, name: str) -> tuple[str, ...]:
        """The texts of a window's alarms."""
        drift = json.loads((self._folder / "windows" / name / "monitor" / "drift.json").read_text())
        return tuple(one["text"] for one in drift["alarms"])


_MERGED = """name: pets
classes: [pet, background, border]
merge:
  day: {dataset: pets}
  served: {dataset: pets}
"""


def _drawn(folder: Path, count: int, seed: int, plan: Plan) -> Path:
    """A folder of drawn pets by day."""
    settings = Settings(count=count, seed=seed, min_side=plan.side, max_side=plan.side * 3 // 2)
    write_sample(folder, settings, 2, lambda done, total: None)
    return folder


def _both(folder: Path, count: int, seed: int, plan: Plan) -> dict[bool, Path]:
    """The same drawn pets by day (False), and by night (True) as a camera takes them: dark, blue and noisy."""
    day, night = _drawn(folder / "day", count, seed, plan), folder / "night"
    shutil.copytree(day, night)
    random = np.random.default_rng(0)
    for path in sorted((night / PHOTOS).iterdir()):
        light = (np.asarray(Image.open(path).convert("RGB"), np.float32) / 255) ** 1.6 * (0.3, 0.33, 0.45)
        noisy = 255 * light + random.normal(0, 6, light.shape)
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path, quality=90)
    return {False: day, True: night}


def _prepared(photos: Path, folder: Path, version: str, dataset: str) -> Path:
    """A published version, of half the photos' side."""
    code = _quiet(
        prepare,
        f"--input={photos}",
        f"--output={folder / 'data'}",
        f"--version={version}",
        dataset,
        "--image_size=64",
        "--split=hash",
    )
    assert code == 0
    return folder / "data" / "pets" / version


def _trained(folder: Path, version: Path, plan: Plan) -> Path:
    """The served model of a new run of the pipeline."""
    config = {
        "name": "night",
        "data": str(version),
        "output": str(folder / "pipeline"),
        "training": {
            "model": "small_unet",
            "epochs": plan.epochs,
            "batch_size": 8,
            "learning_rate": 0.01,
            "evaluate_every": plan.epochs,
            "export_tflite": False,
            "seed": 0,
        },
        "evaluation": {"min_mean_iou": 0.2, "max_mean_iou_drop": 0.05},
    }
    path = folder / f"pipeline-{version.name}.yaml"
    path.write_text(yaml.safe_dump(config))
    assert _quiet(train, f"--config={path}") == 0
    return max((folder / "pipeline" / "serving").iterdir(), key=lambda one: int(one.name))


def _score(model: Path, version: Path, output: Path) -> float:
    """Mean IoU of a model on all photos of a version."""
    assert _quiet(predict, f"--model={model}", f"--version_dir={version}", f"--output={output}") == 0
    return json.loads((output / "summary.json").read_text())["mean_iou"]


def _labelled(monitored: Path, target: Path, pool: dict[bool, Path]) -> tuple[int, int]:
    """Makes a data set of what the monitor chose, with the masks that the photos were drawn with.

    Returns:
      How many photos it has, and how many of them are by night.
    """
    known = [(night, path, _small(path)) for night, one in pool.items() for path in sorted((one / PHOTOS).iterdir())]
    (target / PHOTOS).mkdir(parents=True)
    (target / MASKS).mkdir(parents=True)
    nights = []
    for path in sorted((monitored / "to_label" / "photos").iterdir()):  # a log does not say what a photo was called
        pixels = _small(path)
        night, drawn, _ = min(known, key=lambda one: np.abs(one[2] - pixels).mean())
        nights.append(night)
        shutil.copy(path, target / PHOTOS / f"{drawn.stem}.jpg")
        shutil.copy(pool[night] / MASKS / f"{drawn.stem}.png", target / MASKS / f"{drawn.stem}.png")
    return len(nights), sum(nights)


def _small(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB").resize((16, 16), Image.Resampling.BOX), np.float32)


def _quiet(command, *arguments: str) -> int:
    """The exit code of a command, without what it prints."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        return command(list(arguments))


if __name__ == "__main__":
    run_and_exit(main)
