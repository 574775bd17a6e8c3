# SPDX-License-Identifier: Apache-2.0
"""Lattice iCE40 UltraPlus: memory in SB_SPRAM256KA, single-port RAM of 16K words of 16 bits.

Source of the primitive: Lattice, "iCE40 SPRAM Usage Guide", FPGA-TN-02022; its reads and writes are of
one port, a write leaves its output undefined, and each bit of its mask stands for four bits.
"""

from amaranth import Array, Cat, ClockSignal, Const, Instance, Module, Signal, Value

from ..config import ceil_div
from ..memory.single_port import SinglePortSram
from ..system.ram import SinglePortRam

__all__ = ["SPRAM_DEPTH", "SPRAM_WIDTH", "fits_spram", "spram", "spram_sram"]

SPRAM_DEPTH = 1 << 14
SPRAM_WIDTH = 16
_ADDRESS_BITS = SPRAM_DEPTH.bit_length() - 1
_MASK_BITS = 4


def fits_spram(ram: SinglePortRam) -> bool:
    """Whether whole blocks make up ``ram``."""
    return ram.depth % SPRAM_DEPTH == 0 and ram.width % SPRAM_WIDTH == 0


def spram(ram: SinglePortRam) -> Module:
    """Body of ``ram``: ``depth / 16K`` rows of ``width / 16`` blocks.

    Raises :class:`ValueError` if whole blocks do not make it up.
    """
    if not fits_spram(ram):
        raise ValueError(
            f"an SPRAM must have a multiple of {SPRAM_DEPTH} words of a multiple of {SPRAM_WIDTH} bits, "
            f"not {ram.depth} of {ram.width}"
        )
    m = Module()
    writes = Signal()
    m.d.comb += writes.eq(ram.w_mask.any())
    mask = Cat(bit.replicate(8 // _MASK_BITS) for bit in ram.w_mask)
    word = _blocks(m, ram.depth, ram.en, writes, mask, ram.addr, ram.w_data)
    data = Signal(ram.width, reset_less=True)
    with m.If(ram.en):
        m.d.sync += data.eq(word)
    m.d.comb += ram.r_data.eq(data)
    return m


def spram_sram(sram: SinglePortSram) -> Module:
    """Body of ``sram``: as many rows of blocks as its words need, and a column for each 16 bits.

    Words beyond ``depth`` and bits beyond ``width`` are there and not used.
    """
    m = Module()
    columns = ceil_div(sram.width, SPRAM_WIDTH)
    w_data = Signal(columns * SPRAM_WIDTH)
    m.d.comb += w_data.eq(sram.w_data)
    mask = Const(-1, columns * SPRAM_WIDTH // _MASK_BITS)
    enable = sram.w_en | sram.r_en
    word = _blocks(m, sram.depth, enable, sram.w_en, mask, sram.address(m), w_data)
    sram.show(m, word[: sram.width])
    return m


def _blocks(
    m: Module, depth: int, en: Value, writes: Signal, mask: Value, addr: Signal, w_data: Value
) -> Value:
    """What blocks show that are accessed at ``addr`` where ``en`` is high, and written where ``writes`` is.

    ``depth`` words of whole blocks' width; a bit of ``mask`` for each four bits of ``w_data``.
    """
    rows = ceil_div(depth, SPRAM_DEPTH)
    outputs = []
    row_bits = addr[_ADDRESS_BITS:]
    block_addr = Signal(_ADDRESS_BITS)
    m.d.comb += block_addr.eq(addr)
    for row in range(rows):
        selected = Signal(name=f"selected_{row}")
        m.d.comb += selected.eq(en & (row_bits == row if rows > 1 else 1))
        columns = []
        for column in range(len(w_data) // SPRAM_WIDTH):
            output = Signal(SPRAM_WIDTH, name=f"output_{row}_{column}")
            m.submodules[f"block_{row}_{column}"] = Instance(
                "SB_SPRAM256KA",
                i_CLOCK=ClockSignal(),
                i_CHIPSELECT=selected,
                i_WREN=writes,
                i_MASKWREN=mask.word_select(column, SPRAM_WIDTH // _MASK_BITS),
                i_ADDRESS=block_addr,
                i_DATAIN=w_data.word_select(column, SPRAM_WIDTH),
                o_DATAOUT=output,
                i_STANDBY=0,
                i_SLEEP=0,
                i_POWEROFF=1,
            )
            columns.append(output)
        outputs.append(Cat(columns))
    if rows == 1:
        return outputs[0]
    read = Signal.like(row_bits, reset_less=True)
    with m.If(en):
        m.d.sync += read.eq(row_bits)
    return Array(outputs)[read]
