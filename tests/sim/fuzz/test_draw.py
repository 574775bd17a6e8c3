# SPDX-License-Identifier: Apache-2.0
"""Random cases: all kinds occur, they follow from their choices, and the simplest are simple."""

import dataclasses
from collections import Counter

import numpy as np
import pytest

from matwright.presets import PRESETS
from matwright.schedule.descriptor import Descriptor, Flag
from matwright_sim.agents.choices import Choices, recorded, repeated
from matwright_sim.agents.configurations import random_config
from matwright_sim.fuzz.draw import MOST_PROGRAMS, draw_case
from matwright_sim.golden.machine import check


@pytest.mark.parametrize("name", ["tiny", "small", "server"])
def test_a_case_follows_from_its_choices(name: str) -> None:
    config = PRESETS[name]
    kept: list[int] = []
    marks: list[int] = []
    case = draw_case(config, recorded((1, 2), kept), lambda: marks.append(len(kept)))
    assert draw_case(config, repeated(kept)) == case
    assert len(marks) == 1 + len(case.programs) and marks[-1] in (len(kept), len(kept) - 1)
    assert case != draw_case(config, recorded((1, 3), []))


def test_the_simplest() -> None:
    case = draw_case(PRESETS["small"], Choices(lambda count: 0))
    (program,) = case.programs
    (code,) = program.code
    d = Descriptor.unpack(code)
    assert (d.m, d.n, d.k, d.flags, d.zero_point, d.tile_rows) == (1, 1, 1, 0, 0, 1)
    assert (program.memory, program.driver, len(program.windows), case.world.stall) == (
        0,
        False,
        1,
        0,
    )


def test_all_kinds_occur() -> None:
    kinds: Counter[str] = Counter()
    config = PRESETS["small"]
    for index in range(40):
        case = draw_case(config, recorded((3, index), []))
        assert 1 <= len(case.programs) <= MOST_PROGRAMS
        kinds["pauses"] += case.world.stall > 0
        for program in case.programs:
            codes = [Descriptor.unpack(code) for code in program.code]
            kinds["programs"] += 1
            kinds["by the driver"] += program.driver
            kinds["other windows"] += len(program.windows) != 1
            kinds["elsewhere"] += program.address % 64 != 0 or program.address >= 1 << 16
            kinds["another count"] += program.count != len(codes)
            kinds["wrong"] += any(check(config, code) for code in program.code)
            places = [d.d_addr for d in codes]
            kinds["dependent"] += any(d.a_addr in places for d in codes)
            kinds["fenced"] += any(d.flags & Flag.FENCE for d in codes)
    assert min(kinds.values()) > 4, kinds
    assert kinds["wrong"] < kinds["programs"] / 2


def test_any_configuration() -> None:
    """Cases can be made for all, and for machines that check nothing they are right."""
    for index in range(40):
        config = random_config(np.random.default_rng([9, index]), "one")
        unsafe = dataclasses.replace(config.build, unsafe_unchecked=True)
        draw_case(config, recorded((4, index), []))
        case = draw_case(dataclasses.replace(config, build=unsafe), recorded((4, index), []))
        for program in case.programs:
            assert program.count <= len(program.code)
            assert not any(check(config, code) for code in program.code)


def test_the_largest_array() -> None:
    """Wider than any size that is drawn, in an address space that holds little of it."""
    config = dataclasses.replace(
        PRESETS["server"],
        rows=256,
        cols=256,
        bus=dataclasses.replace(PRESETS["server"].bus, addr_width=19),
    )
    for index in range(5):
        case = draw_case(config, recorded((6, index), []))
        assert all(program.code for program in case.programs)


def test_addresses_that_the_registers_can_hold() -> None:
    """Of programs at the end of an address space of 48 bits."""
    for index in range(60):
        case = draw_case(PRESETS["server"], recorded((5, index), []))
        assert all(0 <= program.address < 1 << 48 for program in case.programs)
