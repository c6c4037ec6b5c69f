"""What the Hub checks of a repository's README before it takes a commit."""

from __future__ import annotations

import re
from typing import Any

import yaml

from tests.tfx_pipeline.hub.http_messages import Answer, Request, json_answer


def validate_yaml(request: Request) -> Answer:
    """Answers `POST /api/validate-yaml`: errors and warnings about the front matter of a README."""
    front = re.match(r"---\n(.*?)\n---\n", request.json()["content"], re.DOTALL)
    errors, warnings = [], []
    try:
        values = yaml.safe_load(front.group(1)) if front else None
    except yaml.YAMLError as error:
        values, errors = None, [{"message": f"Bad YAML: {error}"}]
    if not errors and not isinstance(values, dict):
        warnings = [{"message": "empty or missing yaml metadata in repo card"}]
    elif request.json()["repoType"] == "model" and not errors:
        errors = [{"message": one} for one in _model_index_mistakes(values.get("model-index", []))]
    return json_answer({"errors": errors, "warnings": warnings}, 400 if errors else 200)


def _model_index_mistakes(index: Any) -> list[str]:
    """What the Hub's documented form of `model-index` does not allow."""
    mistakes = []
    if not isinstance(index, list):
        return ['"model-index" must be an array']
    for model in index:
        if not isinstance(model.get("name"), str):
            mistakes.append('"model-index[].name" must be a string')
        for result in model.get("results", []):
            if not isinstance(result.get("task", {}).get("type"), str):
                mistakes.append('"model-index[].results[].task.type" must be a string')
            dataset = result.get("dataset", {})
            if not all(isinstance(dataset.get(key), str) for key in ("type", "name")):
                mistakes.append('"model-index[].results[].dataset" needs type and name, both strings')
            for metric in result.get("metrics") or [{}]:
                if not isinstance(metric.get("type"), str) or metric.get("value") is None:
                    mistakes.append('"model-index[].results[].metrics[]" needs type and value')
    return mistakes
