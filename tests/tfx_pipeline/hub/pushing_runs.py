"""Runs of the whole pipeline that push a model that needs no training to a Hub on loopback."""

import contextlib
import io
import json
from dataclasses import dataclass

from schemas.errors import UserError
from schemas.version import read_version
from tests.tfx_pipeline import toy_trainer
from tests.tfx_pipeline.local.toy_runs import GOOD, Ended, toy_config
from tfx_pipeline import local_runner
from tfx_pipeline.config.pipeline import EvaluationConfig


@dataclass
class Run(Ended):
    """What one run returned, printed and left behind; `requests` are those that it made."""

    requests: list


def run_pipeline(version, output, hub, min_mean_iou=0.5, **settings) -> Run:
    repository = {"model_repo": "acme/toy", "endpoint": hub.endpoint, **settings}
    config = toy_config(version, output, GOOD, EvaluationConfig(min_mean_iou=min_mean_iou), hub=repository)
    local_runner.make_output_folder(output)
    before = len(hub.requests)
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exit_code = local_runner.run(config, read_version(version), False, f"{toy_trainer.__name__}.run_fn")
        except UserError as error:  # as the command line reports it
            exit_code = local_runner.EXIT_USER_ERROR
            err.write(str(error))
    summary = json.loads((output / "summary.json").read_text())
    return Run(exit_code, out.getvalue(), err.getvalue(), summary, hub.requests[before:])
