"""HFPusher as a step on Vertex AI."""

import contextlib
import io
import json
from pathlib import Path

from tests.tfx_pipeline.hub.api import WRITE_TOKEN


def run_step(folder: Path, inputs: dict, parameters: dict) -> dict:
    """Runs the command of HFPusher's container with what Vertex puts in place of `{{$}}`; the output's metadata."""
    from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor as container

    def artifact(kind: str, uri: str, metadata: dict) -> dict:
        schema = {"instanceSchema": f"title: tfx.{kind}\ntype: object\n"}
        return {"artifacts": [{"name": f"artifacts/{kind}", "type": schema, "uri": uri, "metadata": metadata}]}

    output_file = folder / "executor_output.json"
    invocation = {
        "inputs": {
            "artifacts": {name: artifact(*one) for name, one in inputs.items()},
            "parameters": {name: {"stringValue": value} for name, value in parameters.items()},
        },
        "outputs": {
            "artifacts": {"pushed_model": artifact("PushedModel", str(folder / "pushed_model"), {})},
            "outputFile": str(output_file),
        },
    }
    executor = "tfx_pipeline.hub.component.Executor"
    arguments = ["--executor_class_path", executor, "--json_serialized_invocation_args", json.dumps(invocation)]
    with contextlib.redirect_stdout(io.StringIO()):
        container.main(container._parse_flags(arguments))
    written = output_file.read_text()
    assert WRITE_TOKEN not in written
    [pushed_model] = json.loads(written)["artifacts"]["pushed_model"]["artifacts"]
    return pushed_model["metadata"]
