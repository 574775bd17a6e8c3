# SPDX-License-Identifier: Apache-2.0
"""The SRAM with check bits, and its flips, in Amaranth's simulator."""

import dataclasses
import gc
import re
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


@pytest.mark.parametrize(("registers", "waits"), [(0, True), (1, True), (1, False)])
@pytest.mark.parametrize("protection", ["parity", "secded"])
@pytest.mark.parametrize(("width", "depth"), [(8, 16), (5, 3), (64, 2), (1, 1), (13, 100)])
def test_words_and_flips(
    width: int, depth: int, protection: str, registers: int, waits: bool
) -> None:
    """Each cycle with ``inject`` and ``used`` flips one or two bits, in that cycle only."""
    print("seed 71")
    rng = Random(71)
    dut = ProtectedSram(width, depth, protection, registers, waits)
    case = SramCase(rng, width, depth, registers, waits=waits)
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


def _memory(memory: Any, protection: str, registers: int = 0, ports: int = 2) -> Any:
    tiny = PRESETS["tiny"]
    build = dataclasses.replace(
        tiny.build,
        sram_protection=protection,
        sram_registers=registers,
        activation_ports=ports,
    )
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


def test_ports_with_a_single_port() -> None:
    """They are the same; lanes have a memory each, as a word of 16 bits has no room for two."""
    one, two = (_memory(ActivationScratchpad, "secded", ports=ports) for ports in (1, 2))
    assert one.signature == two.signature
    assert "activation_bank" not in convert(two, "top")
    text = convert(one, "top")
    assert re.findall(r"\nmodule (top_activation_bank_\d)\(", text) == ["top_activation_bank_1"]
    assert len(re.findall(r"\n +top_activation_bank_1 bank_\d \(", text)) == 4
    assert "secded" not in text


def _registers(fragment: Fragment) -> Iterator[Any]:
    for statement in fragment.statements.get("sync", ()):
        yield from statement._lhs_signals()
    for part, *_ in fragment.subfragments:
        yield from _registers(part)


PASSING = re.compile(r"total_\d+(_\d)?|held_\d+|waits_\d+|shown|r_data_q")
"""Registers that need no reset: what they hold is 0 or masked once steps and sums are."""


@pytest.mark.parametrize(
    ("memory", "ports"), [*((memory, 2) for memory in MEMORIES), (ActivationScratchpad, 1)]
)
@pytest.mark.parametrize("protection", ["none", "secded"])
@pytest.mark.parametrize("built", [0, 1])
def test_reset_reaches_every_register(memory: Any, ports: int, protection: str, built: int) -> None:
    found = list(_registers(Fragment.get(_memory(memory, protection, built, ports), None)))
    with_reset = [register.name for register in found if not register.reset_less]
    assert len(with_reset) > 5
    assert not [name for name in with_reset if PASSING.fullmatch(name)]
    assert not [r.name for r in found if r.reset_less and not PASSING.fullmatch(r.name)]
