# SPDX-License-Identifier: Apache-2.0
"""Writes memory.hex and expected.vh: one GEMM in memory, and what top.v must find there afterwards.

usage: python image.py CONFIG FOLDER, CONFIG being a preset or a TOML file
"""

import sys
from pathlib import Path

import numpy as np

from matwright import layout
from matwright.config import AcceleratorConfig, load
from matwright.presets import PRESETS
from matwright.schedule.descriptor import Descriptor, Flag
from matwright_sw.tiling import choose

MEMORY_BYTES = 1 << 14
M, N, K = 24, 8, 20
PROGRAM, A, B, D = 0x0000, 0x0400, 0x1000, 0x2000


def image(config: AcceleratorConfig) -> tuple[bytes, int]:
    """The memory before the run, and the sum of the 32-bit words of D after it."""
    rng = np.random.default_rng(7)
    a = rng.integers(-128, 128, (M, K))
    b = rng.integers(-128, 128, (K, N))
    tiling = choose(config, M, N, K, True, False)
    descriptor = Descriptor(
        flags=Flag.RAW,
        n_panels_log2=tiling.n_panels_log2,
        k_panels_log2=tiling.k_panels_log2,
        tile_rows=tiling.tile_rows,
        m=M,
        n=N,
        k=K,
        a_addr=A,
        b_addr=B,
        d_addr=D,
        a_stride=layout.a_stride(config, K),
        b_stride=layout.b_stride(config, N),
        d_stride=layout.d_stride(config, N, raw=True),
    )
    if descriptor.d_stride != 4 * N:
        sys.exit(
            f"image.py: error: rows of D must be {4 * N} bytes here, not {descriptor.d_stride}"
        )
    memory = bytearray(MEMORY_BYTES)
    for address, data in (
        (PROGRAM, descriptor.pack()),
        (A, layout.pack_a(config, a).tobytes()),
        (B, layout.pack_b(config, b).tobytes()),
    ):
        memory[address : address + len(data)] = data
    return bytes(memory), int((a @ b).sum()) % 2**32


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    config = PRESETS[name] if name in PRESETS else load(Path(name))
    if config.bus.data_width != 32:
        sys.exit(f"image.py: error: bus.data_width must be 32, not {config.bus.data_width}")
    memory, total = image(config)
    words = np.frombuffer(memory, "<u4")
    (folder / "memory.hex").write_text("".join(f"{word:08x}\n" for word in words))
    (folder / "expected.vh").write_text(
        f"`define NAME matwright_{config.name}\n"
        f"`define ADDR_WIDTH {config.bus.addr_width}\n"
        f"`define D_FIRST {D // 4}\n`define D_WORDS {M * N}\n`define D_SUM 32'h{total:08x}\n"
    )


if __name__ == "__main__":
    main()
