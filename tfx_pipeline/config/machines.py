"""Which accelerators fit which machines on Vertex AI, by its documentation.

Read on 2026-11-24 from "Configure compute resources" for custom training and for inference:
https://cloud.google.com/vertex-ai/docs/training/configure-compute and .../vertex-ai/docs/predictions/configure-compute.
Not every region has every machine: only Google can answer that, and your quota, at submission.
"""

from __future__ import annotations

import re

from pydantic import Field, model_validator

from schemas.frozen_model import FrozenModel

MACHINE_TYPE = r"[a-z][a-z0-9]*-[a-z]+(-[0-9]+g?)+"
WITHOUT_ACCELERATOR = ("e2", "n1", "n2", "n2d", "c2", "c2d", "c3", "c3d", "c4", "m1", "n4")  # families

# General-purpose machines to which accelerators are attached: accelerator, then their number to the most vCPUs.
_ATTACHED = {
    "NVIDIA_TESLA_T4": {1: 16, 2: 32, 4: 96},
    "NVIDIA_TESLA_P4": {1: 16, 2: 32, 4: 96},
    "NVIDIA_TESLA_P100": {1: 16, 2: 32, 4: 96},
    "NVIDIA_TESLA_V100": {1: 8, 2: 16, 4: 32, 8: 96},
}
_ATTACHABLE_FAMILY = "n1"

# Machines that come with accelerators: pattern of the machine type to accelerator and number.
_BUILT_IN: tuple[tuple[str, str, int], ...] = (
    (r"g2-standard-(4|8|12|16|32)", "NVIDIA_L4", 1),
    (r"g2-standard-24", "NVIDIA_L4", 2),
    (r"g2-standard-48", "NVIDIA_L4", 4),
    (r"g2-standard-96", "NVIDIA_L4", 8),
    *((rf"a2-highgpu-{count}g", "NVIDIA_TESLA_A100", count) for count in (1, 2, 4, 8)),
    (r"a2-megagpu-16g", "NVIDIA_TESLA_A100", 16),
    *((rf"a2-ultragpu-{count}g", "NVIDIA_A100_80GB", count) for count in (1, 2, 4, 8)),
    *((rf"a3-highgpu-{count}g", "NVIDIA_H100_80GB", count) for count in (1, 2, 4, 8)),
    (r"a3-megagpu-8g", "NVIDIA_H100_MEGA_80GB", 8),
    (r"a3-ultragpu-8g", "NVIDIA_H200_141GB", 8),
)
ACCELERATORS = tuple(dict.fromkeys([*_ATTACHED, *(accelerator for _, accelerator, _ in _BUILT_IN)]))


def misfit(machine_type: str, accelerator_type: str | None, accelerator_count: int) -> str | None:
    """Why a machine and its accelerators do not fit together, and what would; None if they do."""
    if accelerator_type is not None and accelerator_type not in ACCELERATORS:
        return f"no accelerator {accelerator_type!r}; there are: {', '.join(ACCELERATORS)}"
    for pattern, accelerator, count in _BUILT_IN:
        if re.fullmatch(pattern, machine_type):
            if (accelerator_type, accelerator_count) == (accelerator, count):
                return None
            return f"{machine_type} comes with {count} {accelerator}; give that type and number"
    family = machine_type.partition("-")[0]
    if accelerator_type is None:
        if family in WITHOUT_ACCELERATOR:
            return None
        return f"no machine type {machine_type!r} without accelerators; families are: {', '.join(WITHOUT_ACCELERATOR)}"
    if family != _ATTACHABLE_FAMILY or accelerator_type not in _ATTACHED:
        return f"{accelerator_type} can't be attached to {machine_type}; {_machines_for(accelerator_type)}"
    most = _ATTACHED[accelerator_type].get(accelerator_count)
    if most is None:
        numbers = ", ".join(str(one) for one in _ATTACHED[accelerator_type])
        return f"{accelerator_count} {accelerator_type} can't be attached; give one of {numbers}"
    if (vcpus := int(machine_type.rpartition("-")[2])) > most:
        return f"{accelerator_count} {accelerator_type} serve at most {most} vCPUs, {machine_type} has {vcpus}"
    return None


def _machines_for(accelerator_type: str) -> str:
    if accelerator_type in _ATTACHED:
        return f"it goes with {_ATTACHABLE_FAMILY} machines"
    patterns = [pattern for pattern, accelerator, _ in _BUILT_IN if accelerator == accelerator_type]
    return f"it comes with {', '.join(patterns)}"


class Machine(FrozenModel):
    """One machine of Vertex AI.

    Attributes:
      accelerator_type: Such as `NVIDIA_TESLA_T4`; None for none.
      accelerator_count: Training uses all of them (`training.distribution: auto`); a served model uses one.
    """

    machine_type: str = Field(pattern=rf"^{MACHINE_TYPE}$")
    accelerator_type: str | None = None
    accelerator_count: int = Field(default=1, ge=1, le=16)

    @model_validator(mode="after")
    def _fits(self) -> Machine:
        if problem := misfit(self.machine_type, self.accelerator_type, self.accelerator_count):
            raise ValueError(problem)
        return self

    @property
    def spec(self) -> dict[str, str | int]:
        """The machine as Vertex AI's MachineSpec and as arguments of its Python client."""
        accelerator = {"accelerator_type": self.accelerator_type, "accelerator_count": self.accelerator_count}
        return {"machine_type": self.machine_type, **(accelerator if self.accelerator_type else {})}
