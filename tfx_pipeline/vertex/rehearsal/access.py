"""What Google would allow: the permissions that Terraform grants each account, and Google's wording of a refusal.

Loopback servers that stand in for Google check this before they answer, so that a missing role fails a rehearsal or a
test instead of the first real run. Only what a grant allows is allowed. Simplified: all buckets are "the bucket".
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Any, NamedTuple

import yaml

# Where a role is granted
PROJECT, BUCKET, REGISTRY, SECRET, TOPIC = "project", "bucket", "registry", "secret", "topic"
DEPLOYER, RUNNER, TRIGGER = "deployer", "pipeline-runner", "trigger"
ACT_AS = "iam.serviceAccounts.actAs"


class Grant(NamedTuple):
    """A role of an account on a place: one of those that `grants.yaml` names, or an account."""

    account: str
    role: str
    place: str


class Denied(Exception):
    """Google would refuse; the message is what it would say."""


class Access:
    """Decides whether an account has a permission on a place."""

    def __init__(self, grants: Iterable[Grant], roles: dict[str, frozenset[str]]):
        self.grants = tuple(grants)
        self._roles = roles

    def without(self, account: str, role: str) -> Access:
        """A copy without a role of an account; ValueError if the account does not have it."""
        rest = [one for one in self.grants if (one.account, one.role) != (account, role)]
        if len(rest) == len(self.grants):
            raise ValueError(f"{account} has no {role}")
        return Access(rest, self._roles)

    def roles_for(self, account: str, permissions: Iterable[str]) -> list[str]:
        """Roles that Terraform grants an account and that together cover as many of the permissions as possible."""
        roles, rest = [], set(permissions)
        own = sorted({one.role for one in self.grants if one.account == account})
        while own and (gained := rest & self._roles[best := max(own, key=lambda role: len(rest & self._roles[role]))]):
            roles.append(best)
            rest -= gained
        return roles

    def allows(self, account: str, permission: str, place: str) -> bool:
        """Whether one of the account's roles on the place, or on the whole project, includes the permission."""
        return any(
            one.account == account and one.place in (place, PROJECT) and permission in self._roles[one.role]
            for one in self.grants
        )

    def check(self, address: str, permission: str, place: str, resource: str) -> None:
        """Raises Denied if an account lacks a permission.

        Args:
          address: Of the account; the part before the `@` is its name.
          permission: Such as `storage.objects.get`.
          place: Where it is needed.
          resource: How the message names the place.
        """
        if not self.allows(account_name(address), permission, place):
            raise Denied(refusal(address, permission, resource))


def account_name(address: str) -> str:
    """The part before the `@`."""
    return address.partition("@")[0]


def refusal(address: str, permission: str, resource: str) -> str:
    """The sentence with which Google refuses."""
    if permission == ACT_AS:
        return f"You do not have permission to act as service account: {resource}. (or it may not exist)."
    if permission.startswith("storage."):
        return (
            f"{address} does not have {permission} access to the Google Cloud Storage {resource}. "
            f"Permission '{permission}' denied on resource (or it may not exist)."
        )
    return f"Permission '{permission}' denied on resource '{resource}' (or it may not exist)."


@cache
def granted_access() -> Access:
    """The access that grants.yaml and roles.yaml describe."""
    grants = [Grant(one["account"], one["role"], one["place"]) for one in _read("grants.yaml")["grants"]]
    roles = {name: frozenset(permissions) for name, permissions in _read("roles.yaml")["roles"].items()}
    return Access(grants, roles)


def accounts() -> tuple[str, ...]:
    """Names of the accounts, without project."""
    return tuple(_read("grants.yaml")["accounts"])


def _read(name: str) -> dict[str, Any]:
    return yaml.safe_load(resources.files("tfx_pipeline.deploy.terraform").joinpath(name).read_text(encoding="utf-8"))
