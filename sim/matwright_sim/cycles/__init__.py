# SPDX-License-Identifier: Apache-2.0
"""The cycle model: how long a program takes on a machine and a memory, and where the cycles go."""

from .estimate import REFUSED, estimate, tilings
from .exact import Run, exact
from .memory import Memory, Recording

__all__ = ["REFUSED", "Memory", "Recording", "Run", "estimate", "exact", "tilings"]
