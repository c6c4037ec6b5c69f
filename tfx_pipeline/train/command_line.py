"""Command line from photos to an evaluated model: prepares what has changed, writes a configuration, and runs it."""

from __future__ import annotations

import io
import json
import re
from itertools import islice
from pathlib import Path

from beam_jobs.console import USER_ERROR, CommandLine, show_lines_at_once
from beam_jobs.describe import command_line as describe
from beam_jobs.describe.describing import PAGE_FILE
from beam_jobs.describe.remarks import FIRST_VERSION
from beam_jobs.prepare import command_line as prepare
from beam_jobs.prepare.already_published import AlreadyPublished
from beam_jobs.sources.dataset_file import read_dataset
from beam_jobs.sources.folders import list_photos
from beam_jobs.storage.files import exists, read_part, write_atomically
from beam_jobs.storage.local_paths import local_path
from beam_jobs.storage.versions import absolute_folder, published_versions
from beam_jobs.wrapped_lines import print_lines
from schemas.bounded_text import enumerated
from schemas.documents import MAX_YAML_BYTES
from schemas.errors import UserError
from schemas.features import TRAIN
from schemas.fitting import STRETCH
from schemas.image_size import Sides, parse_image_size
from schemas.manifest import read_manifest
from schemas.photos import container_of
from schemas.sealed_text import is_edited
from schemas.spec import DatasetSpec
from schemas.version import read_version
from schemas.version_files import DATASET_FILE
from schemas.version_files import REPORT_FILE as DATA_REPORT
from tfx_pipeline import local_runner
from tfx_pipeline.config.output_layout import REPORT_FILE, SUMMARY_FILE
from tfx_pipeline.preflight import class_shares
from tfx_pipeline.train.defaults import Facts, choose_size, configuration_yaml, configure
from trainer.recipes import RECIPES

CONFIG_FILE = "pipeline.yaml"
LOOKED_AT, MEASURED = 5000, 100  # photos that are listed, and of them those whose size is read
_HEADER = 1 << 17  # 128 KiB: the size of a photo stands behind its metadata
_ANYWHERE, _LARGEST = ("TIFF", "AVIF"), 32 << 20  # 32 MiB: kinds that may state their size behind the pixels
EVALUATED = (local_runner.EXIT_BLESSED, local_runner.EXIT_NOT_BLESSED, local_runner.EXIT_NO_SPACE)  # runs with a result


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line.

    Returns:
      The exit code of the command that ended it: `beam_jobs.prepare` or `tfx_pipeline.local_runner`; 2 if a person has
      to fill in `dataset.yaml` first.

    Raises:
      UserError: The options, the description, the data or the configuration can't be used.
    """
    options = _parser().parse_args(arguments)
    show_lines_at_once()
    folder = absolute_folder(options.input)
    if not options.dataset and not _is_described(folder):
        if code := describe.main([f"--input={folder}"]):
            return code
        print_lines(f"Look at {folder}/{PAGE_FILE}, correct {folder}/{DATASET_FILE}, and give this command again")
        return USER_ERROR
    spec = read_dataset(options.dataset or folder, folder)
    output = local_path("--output", options.output or f"runs/{spec.name}")
    image_size = _given_size(options.image_size, options.set)
    given = [f"--{name}={value}" for name in ("dataset", "exclude", "fit") if (value := getattr(options, name))]
    version, code = _publish(folder, spec, output / "data", given, options.version, image_size)
    if code:
        return code
    config = _configure(version, output, options.offline, options.recipe)
    run = [f"--config={config}", f"--data={version}", f"--output={output / 'pipeline'}"]
    code = local_runner.main([*run, *(f"--set={one}" for one in options.set)])
    if code in EVALUATED:
        _say_where_to_look(version, output / "pipeline", config)
    return code


def _parser() -> CommandLine:
    parser = CommandLine(
        prog="python -m tfx_pipeline.train",
        description="Trains and evaluates a model on a folder of photos and masks. Prepares it as 1.0.0, or as the "
        "next version if something has changed; writes OUTPUT/pipeline.yaml with settings that fit the data, and the "
        "reason for each; and runs the pipeline.",
        epilog="exit codes: 0 trained and pushed, 1 withheld or failed, 2 something to fill in, or unusable options or "
        "input, 3 not good enough",
        allow_abbrev=False,
    )
    parser.add_argument("--input", required=True, help="folder with photos and masks, local or gs://")
    parser.add_argument("--output", help="folder of everything that is written (default: runs/NAME, of the data set)")
    parser.add_argument("--dataset", help="dataset.yaml that describes them, or a name (default: the one in --input)")
    parser.add_argument("--exclude", metavar="FILE", help="photos to leave out, such as a label_issues.jsonl")
    parser.add_argument("--version", help="to prepare (default: 1.0.0; else the next minor one)")
    parser.add_argument(
        "--image_size",
        help="side of a square in pixels, or WIDTHxHEIGHT such as 480x352 (default: chosen from the photos, then kept)",
    )
    parser.add_argument(
        "--fit", help="stretch photos to that size, or letterbox them (default: dataset.yaml's, then kept)"
    )
    parser.add_argument("--offline", action="store_true", help="train from scratch: download no ImageNet weights")
    purposes = "; ".join(f"{name}, for {one.purpose}" for name, one in RECIPES.items())
    parser.add_argument("--recipe", choices=RECIPES, default="fast", help=f"{purposes} (default: fast)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a value in place of the configuration's, such as training.epochs=2; can be repeated",
    )
    return parser


def _given_size(text: str | None, settings: list[str]) -> int | str | None:
    """The size that was asked for; None where none was.

    Raises:
      UserError: It is none, or photos are to keep their sizes although nothing says how large the crops are.
    """
    if text is None:
        return None
    try:
        image_size = parse_image_size(text)
    except ValueError as error:
        raise UserError(f"--image_size {text}: {error}") from None
    if not image_size and not any(one.startswith("training.crop_size=") for one in settings):
        raise UserError(
            "--image_size 0: keeps the photos' own sizes, which only a model of crops takes; add"
            " --set=training.crop_size=256, or give a size such as 480x352"
        )
    return image_size


def _is_described(folder: str) -> bool:
    try:
        return exists(f"{folder}/{DATASET_FILE}")
    except (OSError, ValueError) as error:
        raise UserError(f"--input {folder}: can't be read ({error})") from None


def _publish(
    folder: str, spec: DatasetSpec, root: Path, given: list[str], version: str | None, image_size: int | str | None
) -> tuple[Path, int]:
    """Publishes what is in a folder, unless the newest version holds just that.

    Returns:
      Folder of the version, and the exit code of the preparation.
    """
    newest = next((Path(one) for one in published_versions(str(root / spec.name))), None)
    if image_size is None:
        image_size = _size(folder, spec, newest)
    given = [*given, *kept_fit(newest, spec, given)]
    places = [f"--input={folder}", f"--output={root}", f"--image_size={image_size}", *given]
    if version is None and newest is not None:
        _check_exclusion(newest, given)
        try:
            return newest, prepare.main([*places, f"--version={newest.name}"])
        except AlreadyPublished:
            version = next_version(newest.name)
            print_lines(f"Something has changed since {newest.name}; publishing {version}")
    version = version or FIRST_VERSION
    return root / spec.name / version, prepare.main([*places, f"--version={version}"])


def kept_fit(newest: Path | None, spec: DatasetSpec, given: list[str]) -> list[str]:
    """The option that fits photos as the newest version does, where neither dataset.yaml nor an option says how."""
    if newest is None or spec.fit is not None or any(one.startswith("--fit=") for one in given):
        return []
    fit = read_manifest(newest).fit
    return [] if fit == STRETCH else [f"--fit={fit}"]


def _check_exclusion(newest: Path, given: list[str]) -> None:
    """Raises UserError where photos that a person left out would silently come back."""
    left_out = "exclude_sha256" in read_manifest(newest).options
    if left_out and not any(one.startswith("--exclude=") for one in given):
        raise UserError(
            f"{newest}: leaves out what --exclude named; give --exclude again, or --version={next_version(newest.name)}"
            " to prepare all photos"
        )


def next_version(version: str) -> str:
    """The next minor version: 1.4.2 is followed by 1.5.0.

    Raises:
      UserError: It does not have three numbers.
    """
    match = re.fullmatch(r"(\d+)\.(\d+)\.\d+", version)
    if match is None:
        raise UserError(f"{version}: does not say which version is next; give --version")
    return f"{match[1]}.{int(match[2]) + 1}.0"


def _size(folder: str, spec: DatasetSpec, newest: Path | None) -> int | str:
    """The size to prepare photos at."""
    if newest is not None:
        return read_manifest(newest).image_size  # models of one name can be compared
    places = [(folder, spec.image_path)]
    if spec.merge is not None:
        places = [(f"{folder}/{source.input}", source.dataset.image_path) for source in spec.merge.values()]
    size, reason = choose_size([one for place in places for one in photo_sizes(*place)])
    print_lines(f"--image_size={size}: {reason}")
    return size


def photo_sizes(folder: str, image_path: str) -> list[Sides]:
    """Heights and widths of a sample of the photos, as stored; of those alone whose header says it."""
    from PIL import Image

    from beam_jobs.codec.photos import OTHERS

    found = [source for _, source in islice(list_photos(folder, image_path), LOOKED_AT)]
    sizes = []
    for source in found[:: max(1, len(found) // MEASURED)]:
        try:
            header = read_part(source.uri, 0, _HEADER)
            if container_of(header) in _ANYWHERE and len(header) == _HEADER:
                header = read_part(source.uri, 0, _LARGEST)
            width, height = Image.open(io.BytesIO(header), formats=("JPEG", "PNG", "GIF", *OTHERS)).size
            sizes.append(Sides(height, width))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):  # the preparation says what is wrong
            continue
    return sizes


def _configure(version: Path, output: Path, offline: bool, recipe: str) -> Path:
    """Writes the configuration, unless a person has edited the one that is there."""
    path = output / CONFIG_FILE
    if path.exists() and is_edited(read_part(str(path), 0, MAX_YAML_BYTES).decode("utf-8", "replace")):
        print_lines(f"{path}: kept, because a person has edited it")
        return path
    manifest, spec = read_version(version)
    records, shares = manifest.splits[TRAIN].records, class_shares(str(version), spec)
    facts = Facts(manifest.dataset, manifest.version, str(version), manifest.image_size, records, shares)
    text = configuration_yaml(facts, configure(facts, str(output / "pipeline"), offline, recipe))
    write_atomically(str(path), text.encode())
    print_lines(f"{path}: written, with the reason behind each value")
    return path


def _say_where_to_look(version: Path, pipeline: Path, config: Path) -> None:
    summary = json.loads((pipeline / SUMMARY_FILE).read_text())
    if blind := summary["blind_classes"]:
        names = enumerated([one.get("title") or one["name"] for one in blind])
        print_lines(
            f"\nThe model is blind to {names}: a larger --image_size, more epochs, training.class_weights or more"
            f" photos of them may help; evaluation.allow_blind accepts it: {config}"
        )
    print_lines(f"\nIn a browser: {pipeline / REPORT_FILE}, how good the model is")
    print(f"              {version / DATA_REPORT}, the data")
    print(f"Try it: make app MODEL={pipeline}")
    print(f"Masks that may be wrong: make label-issues DATA={version}")
