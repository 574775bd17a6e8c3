# SPDX-License-Identifier: Apache-2.0
"""The cycle model: how long a program takes on a machine and a memory, and where the cycles go."""

from .exact import Run, exact
from .memory import Memory, Recording

__all__ = ["Memory", "Recording", "Run", "exact"]
