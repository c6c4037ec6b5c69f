"""The size of a Compute Engine machine, from the name of its type."""

from __future__ import annotations

import re
from typing import NamedTuple

from schemas.errors import UserError

# Gigabytes of memory to each vCPU, as Compute Engine's documentation of machine families says.
_MEMORY_GB = {"standard": 4.0, "highmem": 8.0, "highcpu": 1.0}
_EXCEPTIONS = {
    ("n1", "standard"): 3.75,
    ("n1", "highmem"): 6.5,
    ("n1", "highcpu"): 0.9,
    ("c3", "highcpu"): 2.0,
    ("c4", "standard"): 3.75,
    ("c4", "highcpu"): 2.0,
    ("c4", "highmem"): 7.75,
}


class MachineShape(NamedTuple):
    """Its vCPUs (hyper-threads, two to a core) and its memory in gigabytes."""

    vcpus: int
    memory_gb: float


def machine_shape(machine_type: str) -> MachineShape:
    """The shape of a type such as `e2-standard-4`.

    Raises:
      UserError: Its name does not state it, as for machines of a fixed or custom shape.
    """
    match = re.fullmatch(r"([a-z]\w*)-(standard|highmem|highcpu)-(\d+)", machine_type)
    if not match:
        raise UserError(
            f"machine type {machine_type}: its name does not state its shape; give one such as e2-standard-4"
        )
    family, kind, vcpus = match.groups()
    return MachineShape(int(vcpus), int(vcpus) * _EXCEPTIONS.get((family, kind), _MEMORY_GB[kind]))
