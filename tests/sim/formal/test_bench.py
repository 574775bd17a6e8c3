# SPDX-License-Identifier: Apache-2.0
"""The bench: how what is inside of parts is found, and what is said about a wrong specification."""

import pytest

from matwright.config import Bus
from matwright.presets import preset
from matwright_sim.formal.bench import Bench, SpecError
from matwright_sim.formal.property import Proof, Property, build
from matwright_sim.formal.source import Plant, Source


@pytest.fixture
def bench() -> Bench:
    return Bench(Source(), preset("small"))


def _engine(bench: Bench):
    bus = Bus(data_width=32, outstanding=4)
    return bench.place("dut", bench.source("matwright.bus.read").ReadEngine(bus, 2))


def test_signals_and_parts_are_found_by_their_names(bench):
    dut = _engine(bench)
    queue = bench.inner(dut, "queue")
    assert queue.depth == 4
    assert bench.inner(dut, "queue.tally.count").name == "count"
    assert bench.inner(queue, "tally") is bench.inner(dut, "queue.tally")
    assert bench.inner(dut, "queue.memory").depth == 4


def test_what_is_not_there_or_not_unique_is_refused(bench):
    dut = _engine(bench)
    with pytest.raises(SpecError, match="^queue.none must be one signal or submodule, not 0$"):
        bench.inner(dut, "queue.none")
    with pytest.raises(SpecError, match="^there is no submodule none on the way to none.count$"):
        bench.inner(dut, "none.count")


def test_inputs_that_are_not_driven_are_ports_and_others_are_not(bench):
    dut = bench.place("dut", bench.source("matwright.bus.queue").Tally(4))
    bench.m.d.comb += dut.take.eq(dut.some)
    bench.show("any", 1)
    text = bench.rtlil()
    assert "wire width 1 input 0 \\put" in " ".join(text.split())
    assert "input 1 \\take" not in " ".join(text.split())


def _proof(spec, *names: str) -> Proof:
    plant = Plant("matwright.bus.queue", "a", "b")
    return Proof("test", "", "", spec, tuple(Property(name, "", plant) for name in names))


def test_a_property_must_be_claimed_and_something_must_be_reached(bench):
    def spec(b: Bench) -> None:
        b.show("claim", 1)

    with pytest.raises(SpecError, match="^test does not claim other$"):
        build(_proof(spec, "other"), preset("small"))
    with pytest.raises(SpecError, match="^test has nothing to reach$"):
        build(_proof(spec, "claim"), preset("small"))


def test_a_property_may_be_several_claims_of_a_number_each(bench):
    for name in ("exact_0", "exact_1", "exact", "exactly", "exact_x"):
        bench.show(name, 1)
    item = _proof(lambda b: None, "exact").properties[0]
    assert item.claims(bench) == ["exact_0", "exact_1", "exact"]


def test_a_stand_in_has_the_ports_and_its_outputs_are_free(bench):
    module = bench.source("matwright.bus.guard")
    real = module.WindowMatch
    with bench.stand_in("matwright.bus.guard", "WindowMatch") as parts:
        bench.place("dut", module.Guard(Bus(data_width=32), "read"))
    assert module.WindowMatch is real
    assert parts["WindowMatch"].inside.shape().width == 4
    bench.show("any", 1)
    assert "\\inside" in bench.rtlil().partition("\\dut")[0]
