# SPDX-License-Identifier: Apache-2.0
"""Shapes are of the class that was asked for, and what cannot be is named."""

from itertools import product

import numpy as np
import pytest

from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error, Flag
from matwright_sim.coverage.bins import Bins
from matwright_sim.coverage.shapes import (
    CLASSES,
    Shape,
    Tiling,
    class_of,
    draw,
    missing_classes,
)


def test_classes_of_small() -> None:
    """8 x 8, 512 rows, 8 column panels, 8192 of K in a half of the activations."""
    tiling = Tiling(16, 1, 2)
    wanted = {
        (1, 1, 1): ("1", "1", "1"),
        (7, 7, 7): ("below", "below", "below"),
        (16, 16, 32): ("multiple", "multiple", "multiple"),
        (15, 9, 31): ("other", "other", "other"),
        (17, 17, 33): ("blocks", "blocks", "blocks"),
        (513, 65, 8193): ("beyond", "beyond", "beyond"),
    }
    for sizes, classes in wanted.items():
        assert class_of(PRESETS["small"], Shape(*sizes), tiling) == classes


@pytest.mark.parametrize("preset", ["tiny", "small", "wide"])
def test_drawn_shapes(preset: str) -> None:
    config, rng = PRESETS[preset], np.random.default_rng(3)
    missing = missing_classes(config)
    for dimension, name in product(range(3), CLASSES):
        wanted = ["1", "1", "1"]
        wanted[dimension] = name
        drawn = draw(config, rng, wanted)
        if ("MNK"[dimension], name) in missing:
            assert drawn is None
        else:
            assert drawn is not None, (dimension, name)
            assert class_of(config, *drawn) == tuple(wanted)


def test_bins() -> None:
    bins = Bins(PRESETS["tiny"])
    bins.shape(("1", "blocks", "other"), "read", Error.NONE, Flag.RAW | Flag.RELU)
    bins.shape(("1", "1", "other"), "none", Error.SIZE, 0)
    bins.program(4, True, "both")
    bins.fault("hang_r", "pauses")
    groups = {group.name: group for group in bins.groups(("hang_r", "rst"))}
    n = groups["N x timing x error"]
    assert n.bins["N blocks", "read", "NONE"] == 1
    assert n.bins["N 1", "none", "SIZE"] == 1
    assert sum(n.bins.values()) == 2
    assert ("K beyond", "none", "NONE") in groups["K x timing x error"].impossible
    assert ("M 1", "none", "GUARD") in groups["M x timing x error"].impossible
    assert groups["shapes in pairs"].bins["M 1", "K other"] == 2
    assert groups["two flags"].bins["RAW=1", "RELU=1"] == 1
    assert groups["two flags"].bins["FENCE=0", "RELU=1"] == 1
    assert groups["flag x timing"].bins["RAW=1", "read"] == 1
    assert groups["descriptors x timing"].bins["3 or more", "dependent", "both"] == 1
    assert ("1", "dependent", "none") in groups["descriptors x timing"].impossible
    assert groups["bus and host x timing"].empty == [
        (fault, stall)
        for fault, stall in groups["bus and host x timing"].bins
        if (fault, stall) != ("hang_r", "pauses")
    ]
