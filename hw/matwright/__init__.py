# SPDX-License-Identifier: Apache-2.0
"""Matwright: from one configuration to a verified matrix-multiply accelerator."""

from .config import AcceleratorConfig, ConfigError
from .presets import PRESETS, preset

__all__ = ["PRESETS", "AcceleratorConfig", "ConfigError", "__version__", "preset"]

__version__ = "0.1.0"
