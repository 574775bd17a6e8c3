# SPDX-License-Identifier: Apache-2.0
"""The models that ship: small files of facts, in the form and with the names of the Hugging Face hub."""

from pathlib import Path

from .errors import WorkloadError
from .model import ModelConfig

__all__ = ["load", "names"]

_FOLDER = Path(__file__).parents[1] / "presets" / "models"


def names() -> tuple[str, ...]:
    """The models that ship, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


def load(name: str) -> ModelConfig:
    """The model of that name; raises :class:`.WorkloadError` for a name that is none."""
    if name not in names():
        raise WorkloadError(f"{name} is not a model; the models are {', '.join(names())}")
    return ModelConfig.read(_FOLDER / f"{name}.json")
