# SPDX-License-Identifier: Apache-2.0
"""Flipped and forgotten words of on-chip memory, in running programs."""

import numpy as np
import pytest

import sram_flips
from matwright.schedule.descriptor import Error
from matwright_sim.agents.host import Host
from matwright_sim.compiled import CompiledAccelerator
from matwright_sim.verilog import cached_verilog


@pytest.mark.parametrize("protection", ["secded", "parity"])
def test_flips(protection: str) -> None:
    """A small campaign; ``scripts/sram_flips.py`` runs the large one."""
    seed = int(np.random.default_rng().integers(1 << 40))
    print(f"seed {seed}")
    doubles = 150 if protection == "secded" else 0
    summary = sram_flips.Flips(sram_flips.protected(protection), seed).run(150, doubles)
    assert summary.wrong == []
    assert (summary.single, summary.double, summary.reported) == (150, doubles, 150)
    assert summary.corrected == (150 if protection == "secded" else 0)
    assert set(summary.per_memory) == set(sram_flips.MEMORIES)


def test_forget() -> None:
    """Words that are gone in the middle of a program: it stops, or has no more use for them."""
    config = sram_flips.protected("parity")
    flips = sram_flips.Flips(config, 3)
    rng = np.random.default_rng(4)
    seen = set()
    with CompiledAccelerator(
        config, cached_verilog(config), memory_bytes=sram_flips.MEMORY, read_latency=20, stall=0.2
    ) as machine:
        host = Host(machine)
        for moment in rng.integers(1, 1100, 80):
            image = flips.images[int(moment) % 2]
            machine.memory[:] = image.before
            if host.run(image.address, image.count, int(moment)):
                continue
            host.write("INJECT", sram_flips.FORGET)
            assert machine.run(1_000_000), "no interrupt"
            if host.read("STATUS") == sram_flips.ERROR:
                code, index, memory = host.error()
                assert (code, index) == (Error.UNWRITTEN, host.read("COMPLETED"))
                seen.add(memory)
                for place in np.flatnonzero(machine.memory != image.before):
                    assert image.at(int(place)).role == "d"
                host.reset()
            machine.memory[:] = image.before
            assert host.run(image.address, image.count), "no interrupt"
            assert np.array_equal(machine.memory, image.after)
        assert machine.violations == {}
    # Parameters are read with the sums that they belong to, which are then forgotten too.
    assert seen == {0, 1, 2}


def test_no_injection_without_protection() -> None:
    """The registers are not there: they read 0, and a write does nothing."""
    config = sram_flips.PRESETS["tiny"]
    with CompiledAccelerator(
        config, cached_verilog(config), memory_bytes=sram_flips.MEMORY
    ) as machine:
        host = Host(machine)
        for name in ("INJECT", "INJECT_BITS"):
            host.write(name, 0xFFFF_FFFF)
            assert host.read(name) == 0
        assert [host.read(name) for name in ("SRAM_CORRECTED", "SRAM_UNCORRECTED")] == [0, 0]
