# SPDX-License-Identifier: Apache-2.0
"""Shapes are of the class that was asked for, and what cannot be is named."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Error, Flag
from matwright_sim.coverage.bench import place_program
from matwright_sim.coverage.bins import Bins
from matwright_sim.coverage.shapes import (
    CLASSES,
    MOST_GEMMS,
    Shape,
    Tiling,
    class_of,
    draw,
    draw_like,
    missing_classes,
)
from matwright_sim.golden.machine import check, regions


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


SMALLEST = Sram(activation_rows=8, weight_tiles=2, accumulator_rows=2, column_panels=1)
ODD = {
    "small limits": replace(PRESETS["tiny"], limits=Limits(max_m=3, max_n=3, max_k=5)),
    "ones": replace(PRESETS["tiny"], limits=Limits(max_m=1, max_n=1, max_k=1)),
    "between": replace(PRESETS["small"], limits=Limits(max_m=9, max_n=20, max_k=8)),
    "16 bits": replace(
        PRESETS["tiny"], precision=Precision(a_width=16, b_width=16), limits=Limits(max_k=1)
    ),
    "48 bits of address": replace(PRESETS["tiny"], bus=Bus(data_width=32, addr_width=48)),
    "16 bits of address": replace(PRESETS["tiny"], bus=Bus(data_width=32, addr_width=16)),
    "small in little memory": replace(PRESETS["small"], bus=Bus(addr_width=16)),
    "smallest SRAM": AcceleratorConfig(rows=4, cols=4, sram=SMALLEST, bus=Bus(data_width=32)),
    "one column": AcceleratorConfig(
        rows=4,
        cols=1,
        bus=Bus(data_width=32),
        sram=Sram(column_panels=4),
        build=Build(post_lanes=1),
    ),
    "tall": AcceleratorConfig(rows=16, cols=4, sram=SMALLEST, bus=Bus(data_width=32)),
}
"""Configurations in which little is possible."""


@pytest.mark.parametrize("name", ODD)
def test_shapes_of_odd_configurations(name: str) -> None:
    """Every class is either drawn or missing."""
    config, rng = ODD[name], np.random.default_rng(4)
    missing = missing_classes(config)
    for dimension, one in product(range(3), CLASSES):
        wanted = ["1", "1", "1"]
        wanted[dimension] = one
        absent = ("MNK"[dimension], one) in missing
        # Some blocks are rare.
        tries = (draw(config, rng, wanted) for _ in range(1 if absent else 20))
        assert (next(filter(None, tries), None) is None) == absent, (dimension, one)


@pytest.mark.parametrize("name", ODD)
def test_programs_of_odd_configurations(name: str) -> None:
    """Whatever is asked for, the machine takes it, and it lies within the program's memory."""
    config, rng = ODD[name], np.random.default_rng(5)
    space = 1 << config.bus.addr_width
    for turn in range(len(CLASSES)):
        triple = [CLASSES[(turn + 2 * place) % len(CLASSES)] for place in range(3)]
        count = int(rng.integers(1, MOST_GEMMS + 1))
        drawn = [draw_like(config, rng, triple) for _ in range(count)]
        program = place_program(config, rng, [s for s, _ in drawn], [t for _, t in drawn])
        assert program.span.stop <= space
        for index, descriptor in enumerate(program.image.descriptors):
            code = descriptor.pack()
            assert check(config, code) == Error.NONE, (triple, index)
            for first, last, _ in regions(config, descriptor):
                assert program.span.start <= first and last < program.span.stop


def test_why_classes_are_missing() -> None:
    found = missing_classes(ODD["small limits"])
    assert found["M", "beyond"].startswith("at most 3 are permitted, and ")
    assert found["N", "multiple"] == found["N", "blocks"] == "at most 3 are permitted"
    assert ("N", "below") not in found and ("K", "other") not in found
    assert missing_classes(ODD["tall"])["M", "multiple"] == "the largest block is 2"
    assert missing_classes(ODD["one column"])["N", "other"] == "the array takes 1 at once"
    assert (
        missing_classes(ODD["small in little memory"])["K", "beyond"]
        == "memory of 65536 bytes has no room for it"
    )
