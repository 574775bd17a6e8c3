# SPDX-License-Identifier: Apache-2.0
"""A GEMM that is run again on other machines: the model of :mod:`.exact`, with some fields changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from matwright.config import AcceleratorConfig, ConfigError, ceil_div
from matwright_sw import OperandError, OutOfMemory, Tiling

from .exact import Run, exact
from .gemm import GemmProgram, gemm_program
from .job import Job
from .memory import Memory

__all__ = ["Problem", "Values"]

_LARGEST_COST = 350_000
_TILE, _REQUEST, _STORE, _SERIAL = 9, 2, 4, 1
"""Microseconds that the model takes, about."""
_SERIAL_CYCLES = 71
_FEW = 4
"""Blocks of each side, and chunks, of which no fewer are run."""

Values = Mapping[str, int | str]
"""Fields of a configuration by their names, such as ``bus.data_width``; ``latency`` of the memory;
``programs``: so many of the GEMM in one program."""


@dataclass(frozen=True)
class Problem:
    """A GEMM that is run again and again; of one that would take long some of its blocks, which are those
    that it is cut into."""

    config: AcceleratorConfig
    gemm: tuple[int, int, int]
    """M, N, K."""
    sizes: tuple[int, int, int]
    """M, N, K of what is run of it."""
    raw: bool
    table: bool
    tiling: Tiling | None
    """What the caller of the driver asked for; None for the driver's own choice."""
    memory: Memory

    @classmethod
    def of(cls, config: AcceleratorConfig, program: GemmProgram, memory: Memory) -> "Problem":
        """That of a program."""
        d = program.descriptor
        job = Job(config, d)
        gemm = sizes = d.m, d.n, d.k
        block = (d.tile_rows, config.cols << d.n_panels_log2, config.rows << d.k_panels_log2)
        steps = [len(job.row_blocks), len(job.column_blocks), len(job.chunks)]
        while _cost(config, job, sizes) > _LARGEST_COST:
            # Of K last: a chunk that holds all of it would be loaded but once.
            sides = [side for side in (0, 1) if steps[side] > _FEW] or [2]
            side = max(sides, key=lambda side: steps[side])
            if steps[side] <= _FEW:
                break
            steps[side] = max(_FEW, ceil_div(steps[side], 2))
            m, n, k = (min(a, b * c) for a, b, c in zip(gemm, steps, block, strict=True))
            sizes = m, n, k
        tiling = program.tiling if program.choice.by == "caller" else None
        return cls(config, gemm, sizes, job.raw, job.table, tiling, memory)

    @property
    def whole(self) -> bool:
        """All of it is run."""
        return self.sizes == self.gemm

    def run(self, values: Values) -> Run | None:
        """The run with some fields changed, tiled as the driver would; None where no such machine can be
        built, or where it refuses the tiling that was asked for."""
        memory = self.memory
        if "latency" in values:
            read, before = int(values["latency"]), memory.read_latency
            write = max(1, memory.write_latency * read // before)
            memory = Memory(read_latency=read, write_latency=write)
        try:
            config = _changed(self.config, values)
            program = self._program(config, self.gemm, self.tiling, memory)
            if not self.whole:
                program = self._program(config, self.sizes, program.tiling, memory)
        except (ConfigError, OperandError, OutOfMemory):
            return None
        descriptors = [program.descriptor] * int(values.get("programs", 1))
        return exact(config, descriptors, memory, program.address)

    def _program(
        self,
        config: AcceleratorConfig,
        sizes: tuple[int, int, int],
        tiling: Tiling | None,
        memory: Memory,
    ) -> GemmProgram:
        return gemm_program(
            config, *sizes, raw=self.raw, table=self.table, tiling=tiling, memory=memory
        )

    def told(self, values: Values) -> str:
        """A change in words."""
        if len(values) > 1 and all(name.startswith("sram.") for name in values):
            *names, last = (name.removeprefix("sram.") for name in values)
            return f"{', '.join(names)} and {last} of sram twice as large"
        words = []
        for name, value in values.items():
            if name == "programs":
                words.append("several such GEMMs in one program")
            elif name == "latency":
                words.append(f"memory latency {value} instead of {self.memory.read_latency}")
            elif name == "bus.max_burst" and words:
                words[-1] += f" (bus.max_burst {value})"  # it follows from the bus' width
            else:
                words.append(f"{name} {value} instead of {_value(self.config, name)}")
        return " and ".join(words)


def _value(config: AcceleratorConfig, name: str) -> Any:
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _changed(config: AcceleratorConfig, values: Values) -> AcceleratorConfig:
    parts: dict[str, Any] = {}
    for name, value in values.items():
        section, _, field = name.partition(".")
        if field:
            parts[section] = replace(parts.get(section, getattr(config, section)), **{field: value})
        elif name not in ("latency", "programs"):
            parts[name] = value
    return replace(config, **parts)


def _cost(config: AcceleratorConfig, job: Job, sizes: tuple[int, int, int]) -> int:
    """Microseconds that following a GEMM takes, about."""
    m, n, k = sizes
    d = job.descriptor
    tiles = ceil_div(m, d.tile_rows) * ceil_div(n, config.cols) * ceil_div(k, config.rows)
    chunks = ceil_div(k, config.rows << d.k_panels_log2)
    again = ceil_div(n, config.cols << d.n_panels_log2) if chunks > 1 else 1
    cost = _TILE * tiles + _REQUEST * m * chunks * again
    if config.build.post_multiplier == "serial":
        return cost + _SERIAL * m * n * _SERIAL_CYCLES
    return cost + _STORE * m * n // config.build.post_lanes
