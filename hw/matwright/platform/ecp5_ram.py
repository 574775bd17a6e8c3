# SPDX-License-Identifier: Apache-2.0
"""Lattice ECP5: memory in DP16KD with the output register that the block has.

Source of the primitive: Lattice, "ECP5 and ECP5-5G Memory Usage Guide", FPGA-TN-02204. Yosys infers the
block but not its output register, without which what is read takes 5.6 ns to come out.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from amaranth import Array, Cat, ClockSignal, Const, Instance, Module, Signal, Value

from ..config import ceil_div
from ..system.ram import SinglePortRam

__all__ = ["dp16kd"]

_ADDRESS_BITS = 14
_DATA_WIDTHS = {1: 1, 2: 2, 4: 4, 8: 9}
"""Bits of a word of a block that belong to one byte, and the parameter that says so."""


class _Shape(NamedTuple):
    """How blocks make up a RAM."""

    blocks: int
    rows: int
    bits: int
    """Of the word, in each block."""

    @property
    def depth(self) -> int:
        return (1 << _ADDRESS_BITS) // self.bits


def _shapes(ram: SinglePortRam) -> Iterator[_Shape]:
    for bits in _DATA_WIDTHS:
        rows = ceil_div(ram.depth * bits, 1 << _ADDRESS_BITS)
        yield _Shape(rows * ram.width // bits, rows, bits)


def dp16kd(ram: SinglePortRam) -> Module:
    """Body of ``ram``: of all ways the one with the fewest blocks, and of those with the fewest rows."""
    m = Module()
    shape = min(_shapes(ram))
    word_bits = (shape.depth - 1).bit_length()
    row_bits = ram.addr[word_bits:]
    rows = []
    for row in range(shape.rows):
        selected = Signal(name=f"selected_{row}")
        m.d.comb += selected.eq(ram.en & (row_bits == row if shape.rows > 1 else 1))
        outputs = []
        for column in range(ram.width // shape.bits):
            output = Signal(shape.bits, name=f"output_{row}_{column}")
            m.submodules[f"block_{row}_{column}"] = _block(
                ram.addr[:word_bits],
                ram.w_data.word_select(column, shape.bits),
                output,
                write=ram.w_mask[column * shape.bits // 8],
                access=selected,
                enable=ram.en,
            )
            outputs.append(output)
        rows.append(Cat(outputs))
    word: Value = rows[0]
    if shape.rows > 1:
        read = Signal.like(row_bits, reset_less=True)
        here = Signal.like(row_bits, reset_less=True)
        with m.If(ram.en):
            m.d.sync += [read.eq(row_bits), here.eq(read)]
        word = Array(rows)[here]
    m.d.comb += ram.r_data.eq(word)
    return m


def _block(
    addr: Value, w_data: Value, r_data: Signal, *, write: Value, access: Value, enable: Value
) -> Instance:
    """A block with ``addr`` of all its words, of the width of ``r_data``; port B is not used."""
    bits = len(r_data)
    address = Cat(Const(0, bits.bit_length() - 1), addr)
    ports: dict[str, Any] = {
        "i_CLKA": ClockSignal(),
        "i_CEA": access,
        "i_OCEA": enable,
        "i_WEA": write,
        "i_RSTA": Const(0, 1),
    }
    ports |= {f"i_ADA{i}": address[i] if i < len(address) else 0 for i in range(_ADDRESS_BITS)}
    ports |= {f"i_DIA{i}": w_data[i] for i in range(bits)}
    ports |= {f"o_DOA{i}": r_data[i] for i in range(bits)}
    ports |= {f"i_{name}B": Const(0, 1) for name in ("CLK", "CE", "OCE", "WE", "RST")}
    ports |= {f"i_CS{port}{i}": Const(0, 1) for port in "AB" for i in range(3)}
    return Instance(
        "DP16KD",
        p_DATA_WIDTH_A=_DATA_WIDTHS[bits],
        p_DATA_WIDTH_B=_DATA_WIDTHS[bits],
        p_REGMODE_A="OUTREG",
        p_REGMODE_B="NOREG",
        p_WRITEMODE_A="NORMAL",
        p_WRITEMODE_B="NORMAL",
        p_RESETMODE="SYNC",
        p_ASYNC_RESET_RELEASE="SYNC",
        p_CSDECODE_A="0b000",
        p_CSDECODE_B="0b000",
        p_GSR="DISABLED",
        **ports,
    )
