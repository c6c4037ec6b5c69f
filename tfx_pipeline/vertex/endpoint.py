"""Shows what an endpoint serves, and ends a canary: promotes the new model, or rolls back to the previous one.

Every deployed model costs money, with or without traffic, so models without traffic do not stay deployed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NamedTuple

from schemas.errors import UserError
from tfx_pipeline.config.cloud import Serving
from tfx_pipeline.config.pipeline import CloudPipelineConfig

ALL_TRAFFIC = 100

Confirm = Callable[[str], bool]


class Deployed(NamedTuple):
    """A model that is deployed to the endpoint.

    Attributes:
      id: Of the deployment.
      model: Resource name in the registry, without version.
      share: Of the traffic, in percent.
      machines: What is paid for, such as `1 to 2 x n1-standard-2`.
    """

    id: str
    model: str
    version: int
    share: int
    machines: str

    def line(self) -> str:
        """The model as a line of text."""
        return f"version {self.version}: {self.share:3d} % of the traffic, {self.machines}"


def find_endpoint(config: CloudPipelineConfig):
    """Finds the configured endpoint; UserError if the configuration names none, or it does not exist."""
    from google.cloud import aiplatform

    serving = _serving(config)
    found = aiplatform.Endpoint.list(filter=f'display_name="{serving.endpoint}"')
    if not found:
        place = f"project {config.cloud.project} in {config.cloud.region}"
        raise UserError(f"cloud.serving.endpoint: {place} has no endpoint {serving.endpoint!r}; nothing is paid for")
    return found[0]


def _serving(config: CloudPipelineConfig) -> Serving:
    if config.cloud.serving is None:
        raise UserError("cloud.serving: missing, so no endpoint is named")
    return config.cloud.serving


def deployed_models(endpoint) -> list[Deployed]:
    """The deployed models, newest version first."""
    split = endpoint.traffic_split
    models = [
        Deployed(one.id, one.model, int(one.model_version_id or 0), split.get(one.id, 0), _machines(one))
        for one in endpoint.list_models()
    ]
    return sorted(models, key=lambda one: one.version, reverse=True)


def _machines(deployed) -> str:
    resources = deployed.dedicated_resources
    low, high = resources.min_replica_count, resources.max_replica_count
    spec = resources.machine_spec
    accelerator = f" with {spec.accelerator_type.name}" if spec.accelerator_type else ""
    return f"{low if low == high else f'{low} to {high}'} x {spec.machine_type}{accelerator}"


def leader(models: list[Deployed]) -> Deployed:
    """The model that gets most of the traffic; if there are several, the older one."""
    return max(models, key=lambda one: (one.share, -one.version))


def status(config: CloudPipelineConfig) -> None:
    """Prints what is deployed, and which models get no traffic."""
    endpoint = find_endpoint(config)
    models = deployed_models(endpoint)
    kind = "dedicated" if endpoint.dedicated_endpoint_enabled else "shared"
    print(f"endpoint {endpoint.display_name} ({kind}): {len(models)} models, each paid for")
    for one in models:
        print(f"  {one.line()}" + ("" if one.share else "; gets nothing: `endpoint promote` removes it"))


def promote(config: CloudPipelineConfig, confirm: Confirm) -> bool:
    """Gives all traffic to the newest model, and removes the others.

    Returns:
      Whether anything changed; False without confirmation, or if nothing had to change.
    """
    endpoint = find_endpoint(config)
    models = deployed_models(endpoint)
    if not models:
        raise UserError(f"endpoint {endpoint.display_name}: nothing is deployed; run the pipeline")
    return _serve_alone(endpoint, models[0], models, confirm)


def rollback(config: CloudPipelineConfig, confirm: Confirm) -> bool:
    """Gives all traffic to the model before the newest one, deploying it again if necessary.

    Raises:
      UserError: There is no earlier version.
    """
    endpoint = find_endpoint(config)
    models = deployed_models(endpoint)
    if not models:
        raise UserError(f"endpoint {endpoint.display_name}: nothing is deployed; run the pipeline")
    newest, *older = models
    if older:
        return _serve_alone(endpoint, leader(older), models, confirm)
    before = _version_before(newest)
    if not confirm(f"deploy version {before.version_id} (minutes), give it all traffic, and remove {newest.line()}"):
        return False
    deploy(config, endpoint, before, ALL_TRAFFIC)
    remove_idle(endpoint)
    return True


def teardown(config: CloudPipelineConfig, confirm: Confirm) -> bool:
    """Removes all models from the endpoint, and the endpoint; the registry keeps the models."""
    endpoint = find_endpoint(config)
    models = deployed_models(endpoint)
    lines = "".join(f"\n  {one.line()}" for one in models)
    if not confirm(
        f"remove endpoint {endpoint.display_name} with {len(models)} models; requests are no longer answered{lines}"
    ):
        return False
    endpoint.delete(force=True)
    return True


def deploy(config: CloudPipelineConfig, endpoint, model, percentage: int) -> None:
    """Deploys a version from the registry as configured; see `share_traffic`."""
    from tfx_pipeline.vertex.pusher import deploy_to

    deploy_to(_serving(config), endpoint, model, percentage)


def share_traffic(models: list[Deployed], percentage: int) -> dict[str, int]:
    """Splits the traffic between a new model, whose key is `0`, and the leader.

    A model that was tried earlier and not promoted gets nothing; otherwise each push would add another one to pay for.
    """
    if not models:
        return {"0": ALL_TRAFFIC}
    rest = {one.id: 0 for one in models}
    if percentage < ALL_TRAFFIC:
        rest[leader(models).id] = ALL_TRAFFIC - percentage
    return {"0": percentage} | rest


def remove_idle(endpoint) -> None:
    """Removes the models that get no traffic."""
    for one in deployed_models(endpoint):
        if not one.share:
            endpoint.undeploy(deployed_model_id=one.id)


def _serve_alone(endpoint, chosen: Deployed, models: list[Deployed], confirm: Confirm) -> bool:
    others = [one for one in models if one.id != chosen.id]
    if not others and chosen.share == ALL_TRAFFIC:
        print(f"version {chosen.version} already has all traffic, and nothing else is deployed")
        return False
    lines = "".join(f"\n  {one.line()}" for one in others)
    if not confirm(f"give all traffic to version {chosen.version}, and remove{lines}"):
        return False
    endpoint.update(traffic_split={chosen.id: ALL_TRAFFIC})
    remove_idle(endpoint)
    return True


def _version_before(newest: Deployed):
    """The version in the registry before a deployed one."""
    from google.api_core.exceptions import NotFound
    from google.cloud import aiplatform

    for number in range(newest.version - 1, 0, -1):
        try:
            return aiplatform.Model(newest.model, version=str(number))
        except NotFound:  # deleted
            continue
    raise UserError(f"there is no version before {newest.version}; `endpoint teardown` removes the endpoint")


def asking(yes: bool) -> Confirm:
    """Asks for confirmation before anything is removed, unless `yes`; UserError without a terminal."""

    def confirm(what: str) -> bool:
        print(f"This will {what}")
        if yes:
            return True
        if not sys.stdin.isatty():
            raise UserError("nothing changed: there is no terminal to confirm on; give --yes")
        return input("Continue? [y/N] ").strip().lower() in ("y", "yes")

    return confirm
