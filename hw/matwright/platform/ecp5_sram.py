# SPDX-License-Identifier: Apache-2.0
"""Lattice ECP5: SRAM in DP16KD and PDPW16KD with the output register that the block has.

Source of the primitives: Lattice, "ECP5 and ECP5-5G Memory Usage Guide", FPGA-TN-02204. They are one
block: as a DP16KD port A writes and port B reads, as a PDPW16KD a word of 36 bits takes the pins of
both. That is only for an SRAM that never waits, as nothing says what enables the register of the port
that is not read. Yosys infers blocks, but not their registers, without which what is read takes 5.6 ns
to come out, and 7 to a register in the fabric.
"""

from typing import Any, NamedTuple

from amaranth import Array, Cat, ClockSignal, Const, Instance, Module, Signal, Value

from ..config import ceil_div
from ..memory.sram import Sram

__all__ = ["SHALLOW", "registered_sram"]

SHALLOW = 16
"""Most words that are better held by LUTs, which make 16 words of 4 bits of two slices."""

_ADDRESS_BITS = 14
_TWO_BYTES, _FOUR_BYTES = 18, 36
_SHIFTS = {1: 0, 2: 1, 4: 2, 9: 3, _TWO_BYTES: 4, _FOUR_BYTES: 5}
"""Bits of a word of a block, and how far its address stands from the lowest bit."""


class _Shape(NamedTuple):
    """How blocks make up an SRAM; the fewest are the best."""

    blocks: int
    rows: int
    bits: int
    """Of the word, in each block."""

    @property
    def depth(self) -> int:
        return 1 << _ADDRESS_BITS - _SHIFTS[self.bits]


def _shape(sram: Sram) -> _Shape:
    shapes = []
    for bits in _SHIFTS:
        if bits == _FOUR_BYTES and sram.waits:
            continue
        rows = ceil_div(sram.depth, _Shape(0, 0, bits).depth)
        shapes.append(_Shape(rows * ceil_div(sram.width, bits), rows, bits))
    return min(shapes)


def registered_sram(sram: Sram) -> Module:
    """Body of an ``sram`` with a register."""
    m = Module()
    shape = _shape(sram)
    word_bits = (shape.depth - 1).bit_length()
    columns = ceil_div(sram.width, shape.bits)
    data = Signal(columns * shape.bits)
    m.d.comb += data.eq(sram.w_data)
    rows = []
    for row in range(shape.rows):
        writes = Signal(name=f"writes_{row}")
        here = sram.w_addr[word_bits:] == row if shape.rows > 1 else Const(1)
        m.d.comb += writes.eq(sram.w_en & here)
        outputs = []
        for column in range(columns):
            output = Signal(shape.bits, name=f"output_{row}_{column}")
            block = _wide_block if shape.bits == _FOUR_BYTES else _block
            m.submodules[f"block_{row}_{column}"] = block(
                sram,
                writes,
                data.word_select(column, shape.bits),
                output,
                word_bits,
            )
            outputs.append(output)
        rows.append(Cat(outputs))
    word: Value = rows[0]
    if shape.rows > 1:
        # What tells the row goes through the same registers.
        read = Signal(len(sram.r_addr) - word_bits, reset_less=True)
        shown = Signal.like(read, reset_less=True)
        with m.If(sram.r_en):
            m.d.sync += read.eq(sram.r_addr[word_bits:])
        with m.If(sram.r_moves if sram.waits else 1):
            m.d.sync += shown.eq(read)
        word = Value.cast(Array(rows)[shown])
    m.d.comb += sram.r_data.eq(word)
    return m


def _address(addr: Value, bits: int, low: int = 0) -> Value:
    """``addr`` of words of ``bits`` bits at the pins of a port."""
    return Cat(Const(low, _SHIFTS[bits]), addr, Const(0, _ADDRESS_BITS))[:_ADDRESS_BITS]


def _block(sram: Sram, writes: Value, data: Value, output: Signal, word_bits: int) -> Instance:
    bits = len(output)
    # Where bytes can be written alone, the lowest bits of the address enable them.
    w_addr = _address(sram.w_addr[:word_bits], bits, 0b11 if bits == _TWO_BYTES else 0)
    r_addr = _address(sram.r_addr[:word_bits], bits)
    ports: dict[str, Any] = {
        "i_CLKA": ClockSignal(),
        "i_CEA": writes,
        "i_WEA": Const(1, 1),
        "i_OCEA": Const(0, 1),
        "i_RSTA": Const(0, 1),
        "i_CLKB": ClockSignal(),
        "i_CEB": sram.r_en,
        "i_WEB": Const(0, 1),
        "i_OCEB": sram.r_moves if sram.waits else Const(1, 1),
        "i_RSTB": Const(0, 1),
    }
    ports |= {f"i_CS{port}{i}": Const(0, 1) for port in "AB" for i in range(3)}
    for i in range(_ADDRESS_BITS):
        ports |= {f"i_ADA{i}": w_addr[i], f"i_ADB{i}": r_addr[i]}
    for i in range(bits):
        ports |= {f"i_DIA{i}": data[i], f"o_DOB{i}": output[i]}
    return Instance(
        "DP16KD",
        p_DATA_WIDTH_A=bits,
        p_DATA_WIDTH_B=bits,
        p_REGMODE_A="NOREG",
        p_REGMODE_B="OUTREG",
        p_WRITEMODE_A="NORMAL",
        p_WRITEMODE_B="NORMAL",
        p_RESETMODE="SYNC",
        p_ASYNC_RESET_RELEASE="SYNC",
        p_CSDECODE_A="0b000",
        p_CSDECODE_B="0b000",
        p_GSR="DISABLED",
        **ports,
    )


def _wide_block(sram: Sram, writes: Value, data: Value, output: Signal, word_bits: int) -> Instance:
    w_addr = sram.w_addr[:word_bits]
    r_addr = _address(sram.r_addr[:word_bits], _FOUR_BYTES)
    ports: dict[str, Any] = {
        "i_CLKW": ClockSignal(),
        "i_CEW": writes,
        "i_CLKR": ClockSignal(),
        "i_CER": sram.r_en,
        "i_OCER": Const(1, 1),
        "i_RST": Const(0, 1),
    }
    ports |= {f"i_CS{port}{i}": Const(0, 1) for port in "WR" for i in range(3)}
    ports |= {f"i_BE{i}": Const(1, 1) for i in range(4)}
    ports |= {f"i_ADW{i}": w_addr[i] if i < len(w_addr) else Const(0, 1) for i in range(9)}
    ports |= {f"i_ADR{i}": r_addr[i] for i in range(_ADDRESS_BITS)}
    ports |= {f"i_DI{i}": data[i] for i in range(_FOUR_BYTES)}
    ports |= {f"o_DO{i}": output[i] for i in range(_FOUR_BYTES)}
    return Instance(
        "PDPW16KD",
        p_DATA_WIDTH_W=_FOUR_BYTES,
        p_DATA_WIDTH_R=_FOUR_BYTES,
        p_REGMODE="OUTREG",
        p_RESETMODE="SYNC",
        p_ASYNC_RESET_RELEASE="SYNC",
        p_CSDECODE_W="0b000",
        p_CSDECODE_R="0b000",
        p_GSR="DISABLED",
        **ports,
    )
