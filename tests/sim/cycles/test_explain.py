# SPDX-License-Identifier: Apache-2.0
"""Explanations: they tell all cycles, and what binds where that is known."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from matwright.config import AcceleratorConfig, Bus, Sram
from matwright.presets import PRESETS
from matwright_sim.cycles import Memory, Recording, Run, exact
from matwright_sim.cycles.explain import Explanation, explain
from matwright_sim.cycles.gemm import gemm_program


def explained(
    config: AcceleratorConfig, *shape: int, memory: Memory | None = None, **options: Any
) -> tuple[Explanation, Run]:
    memory = Memory() if memory is None else memory
    program = gemm_program(config, *shape, memory=memory, **options)
    run = exact(config, [program.descriptor], memory, program.address)
    return explain(config, program, run, memory), run


def latency(read: int, write: int | None = None) -> Memory:
    return Memory(read_latency=read, write_latency=read if write is None else write)


@pytest.mark.parametrize("name", PRESETS)
def test_terms_are_all_cycles(name: str) -> None:
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed {seed}")
    rng = np.random.default_rng(seed)
    most = 4 if name == "tiny" else 6.5
    for _ in range(5):
        shape = [int(size) for size in np.exp2(rng.uniform(0, most, 3))]
        memory = latency(int(rng.choice([1, 40, 300])))
        said, run = explained(PRESETS[name], *shape, memory=memory, raw=bool(rng.integers(2)))
        assert sum(term.cycles for term in said.terms) == pytest.approx(run.cycles), shape
        assert all(term.cycles >= 0 for term in said.terms), (shape, said.terms)
        assert said.roofline <= run.cycles == said.cycles, shape
        assert said.terms[0].cycles == np.prod(shape) / PRESETS[name].peak_macs
        assert said.binding in said.terms
        assert said.lift is None or said.lift.cycles < said.lift.before
        saved = [lift.saves for lift in said.lifts]
        assert saved == sorted(saved, reverse=True)


EDGE = PRESETS["edge"]
NARROW = replace(EDGE, build=replace(EDGE.build, post_lanes=1))
FLAT = AcceleratorConfig(rows=64, cols=16, bus=Bus(data_width=512))
ONE_BURST = replace(EDGE, bus=Bus(max_burst=8, outstanding=1))
TWO_TILES = replace(EDGE, sram=Sram(weight_tiles=2, column_panels=1))


@pytest.mark.parametrize(
    ("binding", "config", "shape", "memory", "floor", "lift"),
    [
        # Multiply-accumulates by elements of the array.
        ("compute", EDGE, (512, 512, 512), latency(40), 512**3 / 16**2, ("cols 32", "rows 32")),
        (
            "compute",
            PRESETS["small"],
            (64, 64, 64),
            latency(40),
            64**3 / 8**2,
            ("cols 16", "rows 16"),
        ),
        # Rows by panels: 17 columns are two panels, of which the second is 15 / 16 padding.
        (
            "padding",
            replace(EDGE, bus=Bus(data_width=256)),
            (400, 17, 1024),
            latency(40),
            400 * 2 * 64,
            "cols 17",
        ),
        # Four columns of sixteen: half the columns and twice the rows are as many elements.
        (
            "padding",
            replace(EDGE, bus=Bus(data_width=512)),
            (512, 4, 512),
            latency(40),
            512 * 1 * 32,
            "rows 32 instead of 16 and load_rows 2 instead of 1 and cols 8",
        ),
        # Bytes of B by those of a beat.
        ("memory bandwidth", EDGE, (1, 512, 512), latency(40), 512 * 512 / 8, "bus.data_width 128"),
        # Tiles by the cycles in which one is shifted in, of which the bus needs a fourth.
        ("weight ingest", FLAT, (8, 512, 2048), latency(40), 32 * 32 * 64, "load_rows 2"),
        # The descriptor, and then the operands, come from far; or the last response does.
        ("fill", EDGE, (1, 16, 16), latency(1000, 1), 2 * 1000, "several such GEMMs"),
        ("drain", EDGE, (1, 16, 16), latency(1, 1000), 1000, "several such GEMMs"),
        # Elements of D by those that post-processing takes in a cycle.
        ("store", NARROW, (128, 128, 16), latency(4), 128 * 128, "build.post_lanes 2"),
        ("store", PRESETS["tiny"], (9, 9, 9), latency(4), 9 * 9 * 71, "build.post_multiplier"),
        # Bursts of B, one after the other.
        (
            "memory latency",
            ONE_BURST,
            (1, 256, 512),
            latency(400),
            256 * 512 / 64 * 400,
            "bus.outstanding 2",
        ),
        # The ring holds two tiles: so many come in each round trip to memory.
        (
            "room on chip",
            TWO_TILES,
            (4, 256, 512),
            latency(400),
            16 * 32 / 2 * 400,
            "sram.weight_tiles 4",
        ),
    ],
)
def test_what_binds(
    binding: str,
    config: AcceleratorConfig,
    shape: tuple[int, ...],
    memory: Memory,
    floor: float,
    lift: str | tuple[str, ...],
) -> None:
    """``floor``: cycles that what binds takes by itself, by its own formula; nearly all there are."""
    said, _ = explained(config, *shape, memory=memory)
    assert 0.8 * said.cycles <= floor <= said.cycles
    assert said.binding.name == binding, said.lifts
    assert said.lift is not None and said.lift.what.startswith(lift), said.lifts
    assert said.lift.cycles <= 0.65 * said.lift.before


def test_a_lift_is_a_run_of_that_machine() -> None:
    said, run = explained(NARROW, 128, 128, 16)
    assert said.lift is not None and said.lift.before == run.cycles
    wider = replace(NARROW, build=replace(NARROW.build, post_lanes=2))
    program = gemm_program(wider, 128, 128, 16)
    faster = exact(wider, [program.descriptor], Memory(), program.address)
    assert said.lift.cycles == faster.cycles
    assert str(said.lift) == (
        f"build.post_lanes 2 instead of 1: {run.cycles:,} -> {faster.cycles:,} cycles"
    )


def test_two_that_bind_together() -> None:
    """A tile takes 16 cycles of the bus and 16 to be shifted in: one alone would change nothing."""
    config = replace(EDGE, bus=Bus(data_width=128))
    said, _ = explained(config, 1, 512, 512)
    assert said.binding.name == "memory bandwidth"
    assert said.lift is not None and set(said.lift.terms) == {"memory bandwidth", "weight ingest"}
    assert said.lift.cycles < 0.55 * said.cycles
    alone = [lift for lift in said.lifts if len(lift.terms) == 1]
    assert min(lift.cycles for lift in alone) > 0.95 * said.cycles


def test_two_of_which_neither_is_at_its_floor() -> None:
    """Of the same two, that is told to bind for which the array waits more: the bus is ahead of it."""
    config = replace(EDGE, bus=Bus(data_width=128))
    said, _ = explained(config, 1, 256, 256)
    assert said.roofline < 0.97 * said.cycles
    spent = {term.name: term.cycles for term in said.terms}
    assert spent["weight ingest"] > spent["memory bandwidth"]
    assert said.binding.name == "weight ingest"
    assert said.lift is not None and set(said.lift.terms) == {"memory bandwidth", "weight ingest"}


def test_nothing_lifts_the_widest_bus() -> None:
    """B is 4,096 beats of 512 bits, and no wider bus can be built."""
    said, _ = explained(PRESETS["decode"], 1, 512, 512)
    assert said.cycles < 1.07 * 4096
    assert (said.binding.name, said.lift) == ("memory bandwidth", None)


def test_a_large_gemm_is_tried_in_part() -> None:
    """Whole blocks of it, and the same cycles by multiply-accumulate but for its ends."""
    said, _ = explained(EDGE, 1024, 512, 512)
    assert np.prod(said.tried_on) < 1024 * 512 * 512
    assert said.binding.name == "compute"
    assert said.lift is not None
    before = said.lift.before / np.prod(said.tried_on)
    assert before == pytest.approx(said.cycles / (1024 * 512 * 512), rel=0.02)


def test_a_recording_is_refused() -> None:
    program = gemm_program(EDGE, 1, 1, 1)
    run = exact(EDGE, [program.descriptor])
    with pytest.raises(ValueError, match="memory must have a fixed latency to be explained"):
        explain(EDGE, program, run, Memory(recording=Recording()))
