"""The trainer's quick encoder, for trainings whose result does not matter."""

from tests.trainer.conftest import small_encoder

__all__ = ["small_encoder"]
