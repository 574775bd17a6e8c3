# SPDX-License-Identifier: Apache-2.0
"""Sweeps: many configurations, some workloads, what each costs, and a report of it."""

from .errors import SweepError
from .points import Point, make_points
from .results import Results
from .runner import run
from .spec import Sweep

__all__ = ["Point", "Results", "Sweep", "SweepError", "make_points", "run"]
