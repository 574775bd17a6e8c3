# SPDX-License-Identifier: Apache-2.0
"""Flipped bits in on-chip memory while programs run: corrected or reported, never silent.

Through the injection registers, bits of the next word that is used of a random bank are flipped, at
random moments of random programs. With SECDED a single flip is counted as corrected, and the program's
result exact; a double flip stops the program with the error SRAM. With parity a single flip stops it.
"""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from matwright.config import PARAMETER_BYTES, AcceleratorConfig
from matwright.memory.checks import check_bits
from matwright.schedule.descriptor import Error, Flag

from ..agents.host import Host
from ..agents.programs import ProgramImage, build_program
from ..compiled import CompiledAccelerator
from ..verilog import cached_verilog
from .bench import STATUS_DONE, STATUS_ERROR
from .draw import memory_size, usual_shapes
from .patience import ENOUGH, SLOW, Patience

__all__ = ["ARM", "FORGET", "MEMORIES", "Flips", "Summary", "banks"]

MEMORIES = ("activations", "weights", "accumulators", "parameters")
ARM, FORGET = 1 << 31, 1 << 30
_PROGRAMS_OF_A_FLIP = 20


def banks(config: AcceleratorConfig) -> list[tuple[int, int]]:
    """Banks of each memory, and the bits of their words with the check bits."""
    precision, beat = config.precision, config.bus.data_width
    group = 8 * PARAMETER_BYTES * config.build.post_lanes
    words = [
        (config.rows, config.panels_per_activation_word * precision.a_width),
        (config.load_rows * config.cols, config.steps_per_weight_word * precision.b_width),
        (2 * config.cols, precision.acc_width),
        (max(1, group // beat), beat),
    ]
    protection = config.build.sram_protection
    return [(count, width + check_bits(width, protection)) for count, width in words]


@dataclass
class Summary:
    """What became of the flips."""

    single: int = 0
    corrected: int = 0
    double: int = 0
    reported: int = 0
    per_memory: Counter[str] = field(default_factory=Counter)
    programs: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: "Summary") -> None:
        """Join the figures of another part."""
        for name in ("single", "corrected", "double", "reported", "programs"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.per_memory += other.per_memory
        self.wrong += other.wrong


class Flips:
    """One machine whose memories are disturbed."""

    def __init__(self, config: AcceleratorConfig, seed: int, verilog: str | None = None) -> None:
        self.config = config
        self.verilog = cached_verilog(config) if verilog is None else verilog
        self.memory = memory_size(config)
        self.rng = np.random.default_rng(seed)
        self.summary = Summary()
        self.images = [
            build_program(
                config, self.rng, usual_shapes(config), memory_bytes=self.memory, flags=flags
            )
            for flags in (Flag.TABLE, Flag.TABLE | Flag.RELU, None, None)
        ]

    def run(self, singles: int, doubles: int) -> Summary:
        """So many flips of one bit and of two, or as many as find a word in a great many programs, or up to
        programs that are wrong often enough."""
        most = 100 + _PROGRAMS_OF_A_FLIP * (singles + doubles)
        summary = self.summary
        with CompiledAccelerator(
            self.config, self.verilog, memory_bytes=self.memory, read_latency=20
        ) as machine:
            host = Host(machine)
            stops = self.config.build.sram_protection == "parity"

            def goes_on() -> bool:
                return summary.programs < most and len(summary.wrong) < ENOUGH

            while summary.single < singles and goes_on():
                if stops:
                    self._stopped(host, 1)
                else:
                    self._corrected(host, singles)
            while summary.double < doubles and goes_on():
                self._stopped(host, 2)
        return summary

    def _begin(self, host: Host) -> ProgramImage:
        image = self.images[int(self.rng.integers(len(self.images)))]
        host.machine.memory[:] = image.before
        self.summary.programs += 1
        host.run(image.address, image.count, int(self.rng.integers(1, 40)))
        return image

    def _arm(self, host: Host, flips: int) -> str:
        """Choose a memory, a bank and bits of it; the name of the memory."""
        memory = int(self.rng.integers(len(MEMORIES)))
        count, width = banks(self.config)[memory]
        bits = self.rng.choice(width, flips, replace=False)
        host.write("INJECT_BITS", int(bits[0]) | int(bits[-1]) << 16)
        host.write("INJECT", int(self.rng.integers(count)) | memory << 16 | ARM)
        return MEMORIES[memory]

    def _corrected(self, host: Host, most: int) -> None:
        """A program with as many single flips as find a word, one after the other."""
        image, summary, done = self._begin(host), self.summary, 0
        machine, patience = host.machine, _patience(host.machine, image)
        end = machine.cycles + patience.short
        while not machine.irq and machine.cycles < end and summary.single < most:
            name = self._arm(host, 1)
            # The next is armed when this one has struck: of one that is overwritten nobody knows.
            while host.read("INJECT") & ARM and machine.cycles < end and not machine.run(20):
                pass
            if not host.read("INJECT") & ARM:
                summary.single += 1
                summary.per_memory[name] += 1
                done += 1
                host.machine.run(int(self.rng.integers(1, 60)))
        host.write("INJECT", 0)
        if not patience.wait(machine):
            self._fault("no interrupt")
        corrected = host.read("SRAM_CORRECTED")
        if host.read("STATUS") != STATUS_DONE or not np.array_equal(
            host.machine.memory, image.after
        ):
            self._fault("the result is not exact")
            host.reset()
        if not self.config.build.counters:
            corrected = done  # nothing counts them; the result says so
        if corrected != done or host.read("SRAM_UNCORRECTED"):
            self._fault(f"{corrected} words were corrected of {done}")
        summary.corrected += corrected

    def _stopped(self, host: Host, flips: int) -> None:
        """A program in which one flip that cannot be corrected finds a word, or none."""
        image, summary = self._begin(host), self.summary
        if host.machine.irq:
            return
        name = self._arm(host, flips)
        ended = _patience(host.machine, image).wait(host.machine)
        struck = not host.read("INJECT") & ARM
        host.write("INJECT", 0)
        if not ended:
            self._fault("no interrupt")
        elif not struck:
            if host.read("STATUS") != STATUS_DONE or not np.array_equal(
                host.machine.memory, image.after
            ):
                self._fault("a flip that did not happen had a consequence")
            return
        reported = host.error() == (Error.SRAM, host.read("COMPLETED"), MEMORIES.index(name))
        if host.read("STATUS") != STATUS_ERROR or not reported:
            self._fault(f"{flips} flips of {name} gave {host.error()}")
        for place in np.flatnonzero(host.machine.memory != image.before):
            if not any(r.role == "d" and r.start <= place < r.stop for r in image.regions):
                self._fault(f"{place:#x} has changed, which is no result")
        summary.per_memory[name] += 1
        if flips == 1:
            summary.single += 1
        else:
            summary.double += 1
        summary.reported += reported
        host.reset()

    def _fault(self, text: str) -> None:
        self.summary.wrong.append(f"program {self.summary.programs}: {text}")


def _patience(machine: CompiledAccelerator, image: ProgramImage) -> Patience:
    return Patience(machine.config, image.descriptors, image.address, SLOW)
