# SPDX-License-Identifier: Apache-2.0
"""The SRAM with check bits, and its flips, in Amaranth's simulator."""

import dataclasses
import gc
import warnings
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from amaranth.hdl import Fragment, UnusedElaboratable

from matwright.emit import convert
from matwright.memory.accumulator import Accumulator
from matwright.memory.activation import ActivationScratchpad
from matwright.memory.parameter import ParameterMemory
from matwright.memory.protected import ProtectedSram
from matwright.memory.weight import WeightRing
from matwright.presets import PRESETS
from matwright_sim.agents.trace import Record, element_of, simulate
from matwright_sim.benches.memory_cases import SramCase, pulses

OUTPUTS = ["r_data", "injected", "corrected", "uncorrected"]
MEMORIES = (ActivationScratchpad, WeightRing, Accumulator, ParameterMemory)


def _values(record: Record, width: int) -> list[int]:
    return [element_of(bits, width, 0, signed=False) for bits in record["r_data"]]


@pytest.mark.parametrize("protection", ["parity", "secded"])
@pytest.mark.parametrize(("width", "depth"), [(8, 16), (5, 3), (64, 2), (1, 1), (13, 100)])
def test_words_and_flips(width: int, depth: int, protection: str) -> None:
    """Each cycle with ``inject`` and ``used`` flips one or two bits, in that cycle only."""
    print("seed 71")
    rng = Random(71)
    dut = ProtectedSram(width, depth, protection)
    case = SramCase(rng, width, depth)
    bits = len(dut.flips)
    used = [int(t >= case.known and rng.random() < 0.7) for t in range(case.CYCLES)]
    inject = [rng.randrange(2) for _ in range(case.CYCLES)]
    chosen = [rng.sample(range(bits), rng.randint(1, 2)) for _ in range(case.CYCLES)]
    flips = [sum(1 << i for i in places) for places in chosen]
    record = simulate(dut, {**case.inputs, "used": used, "inject": inject, "flips": flips}, OUTPUTS)

    injected = [t for t in range(case.CYCLES) if used[t] and inject[t]]
    one = [t for t in injected if len(chosen[t]) == 1]
    two = [t for t in injected if len(chosen[t]) == 2]
    secded = protection == "secded"
    assert ProtectedSram.LATENCY == 1
    assert pulses(record["injected"]) == injected
    assert pulses(record["corrected"]) == (one if secded else [])
    assert pulses(record["uncorrected"]) == (two if secded else one)
    for t, seen in enumerate(_values(record, width)):
        flipped = flips[t] if t in injected and not secded else 0
        if t >= case.known and not (secded and t in two):
            assert seen == case.r_data[t] ^ flipped & 2**width - 1, f"cycle {t}"


def test_zero_is_a_word() -> None:
    """An SRAM whose words are all 0 holds zeros, without a flip."""
    for protection in ("parity", "secded"):
        zeros = [0] * 8
        inputs = dict.fromkeys(("w_en", "w_addr", "w_data", "inject", "flips"), zeros)
        inputs |= {"r_en": [1] * 8, "r_addr": list(range(8)), "used": [0, *[1] * 7]}
        record = simulate(ProtectedSram(32, 8, protection), inputs, OUTPUTS)
        assert _values(record, 32) == zeros
        assert not any(pulses(record[name]) for name in OUTPUTS)


@pytest.mark.parametrize("protection", ["none", "ecc"])
def test_protection_is_checked(protection: str) -> None:
    message = f"protection must be parity or secded, not '{protection}'"
    with warnings.catch_warnings():
        # Amaranth would warn of the component that was begun and never used.
        warnings.simplefilter("ignore", UnusedElaboratable)
        with pytest.raises(ValueError, match=message) as caught:
            ProtectedSram(8, 16, protection)
        del caught
        gc.collect()


def _memory(memory: Any, protection: str) -> Any:
    tiny = PRESETS["tiny"]
    build = dataclasses.replace(tiny.build, sram_protection=protection)
    return memory(dataclasses.replace(tiny, load_rows=4, build=build))


@pytest.mark.parametrize("memory", MEMORIES)
def test_ports(memory: Any) -> None:
    """The ports of protection are there with it alone, and its parts are written once."""
    extra = {"inject", "injected", "corrected", "uncorrected"}
    plain = _memory(memory, "none")
    assert not extra & set(plain.signature.members)
    assert "inject" not in convert(plain, "plain")
    protected = _memory(memory, "secded")
    assert set(protected.signature.members) == set(plain.signature.members) | extra
    assert convert(protected, "top").count("\nmodule top_sram_secded_") == 1


def _registers(fragment: Fragment) -> Iterator[Any]:
    for statement in fragment.statements.get("sync", ()):
        yield from statement._lhs_signals()
    for part, *_ in fragment.subfragments:
        yield from _registers(part)


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("protection", ["none", "secded"])
def test_reset_reaches_every_register(memory: Any, protection: str) -> None:
    registers = list(_registers(Fragment.get(_memory(memory, protection), None)))
    assert len(registers) > 10
    assert [register.name for register in registers if register.reset_less] == []
