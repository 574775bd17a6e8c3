# SPDX-License-Identifier: Apache-2.0
"""Short programs are legal on every configuration, however small its limits and its memory."""

from dataclasses import replace

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Bus, Limits, Precision, Sram
from matwright.presets import PRESETS
from matwright_sim.agents.configurations import operand_bytes
from matwright_sim.agents.programs import ProgramImage
from matwright_sim.golden.machine import GoldenMachine
from matwright_sim.verify import netlist
from matwright_sim.verify.check import NotRun
from matwright_sim.verify.episodes import TROUBLES, draw, fitted, memory_size

TINY = PRESETS["tiny"]
WIDE = Precision(a_width=16, b_width=16)
SMALLEST = Sram(activation_rows=8, weight_tiles=2, accumulator_rows=2, column_panels=1)

ODD = {
    "small limits": replace(TINY, limits=Limits(max_m=3, max_n=3, max_k=5)),
    "ones": replace(TINY, limits=Limits(max_m=1, max_n=1, max_k=1)),
    "16 bits": replace(TINY, precision=WIDE, limits=Limits(max_k=1)),
    "48 bits of address": replace(TINY, bus=replace(TINY.bus, addr_width=48)),
    "16 bits of address": replace(TINY, bus=replace(TINY.bus, addr_width=16)),
    "smallest SRAM": AcceleratorConfig(rows=4, cols=4, sram=SMALLEST, bus=Bus(data_width=32)),
    "one column": AcceleratorConfig(
        rows=4,
        cols=1,
        bus=Bus(data_width=32),
        sram=Sram(column_panels=4),
        build=replace(TINY.build, post_lanes=1),
    ),
    "two rows": AcceleratorConfig(rows=2, cols=256),
    "two rows and 16 bits of address": AcceleratorConfig(rows=2, cols=256, bus=Bus(addr_width=16)),
    "two columns": AcceleratorConfig(
        rows=256, cols=2, bus=Bus(addr_width=16), build=replace(TINY.build, post_lanes=1)
    ),
}
SEEDS = range(1, 5)


@pytest.mark.parametrize("name", ODD)
def test_episodes_are_legal(name: str) -> None:
    config = ODD[name]
    for seed in SEEDS:
        for number in range(len(TROUBLES)):
            episode = draw(config, seed, number)
            assert episode.trouble == TROUBLES[number]
            memory = episode.before.copy()
            golden = GoldenMachine(config, memory)
            completed, error, index, _ = golden.run(episode.program, episode.count)
            ended = {"COMPLETED": completed, "ERROR_CODE": error, "ERROR_INDEX": index}
            wanted = {"STATUS": 4 if error else 2, **ended}
            assert episode.result == wanted, f"seed {seed}, {episode.trouble}"
            assert np.array_equal(memory, episode.after), f"seed {seed}, {episode.trouble}"
            if episode.trouble != "refused":
                assert (completed, error) == (episode.count, 0), f"seed {seed}, {episode.trouble}"


@pytest.mark.parametrize("name", ODD)
def test_programs_of_netlists_are_legal(name: str) -> None:
    config = ODD[name]
    for seed in SEEDS:
        image: ProgramImage = netlist.draw(config, seed)
        memory = image.before.copy()
        outcome = GoldenMachine(config, memory).run(image.address, image.count)
        assert outcome == (image.count, 0, 0, 0), f"seed {seed}"
        assert np.array_equal(memory, image.after), f"seed {seed}"


def test_what_finds_no_room_is_halved() -> None:
    """The largest size first, until the operands of two programs take half of memory at most."""
    config = replace(TINY, limits=Limits(max_m=10))
    assert fitted(config, [(20, 3, 5), (4, 600, 1000)], 1 << 16) == [(10, 3, 5), (4, 75, 125)]
    assert operand_bytes(config, 4, 75, 125) <= 1 << 14 < operand_bytes(config, 4, 150, 125)


def test_an_address_space_without_room() -> None:
    config = AcceleratorConfig(rows=128, cols=256, bus=Bus(addr_width=16))
    assert memory_size(config) == 1 << 16
    with pytest.raises(
        NotRun,
        match="memory must have room for a program, and with addresses of 16 bits it is of 65536 bytes",
    ):
        draw(config, 1, 0)
