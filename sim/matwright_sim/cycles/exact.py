# SPDX-License-Identifier: Apache-2.0
"""The cycles of a program, and where each goes: what the hardware's counters will say."""

from collections.abc import Callable, Iterator, Sequence

from matwright.bus.register_map import COUNTERS
from matwright.config import DESCRIPTOR_BYTES, AcceleratorConfig
from matwright.schedule.descriptor import Descriptor
from matwright.schedule.intake import descriptor_beats

from .dispatcher import Slots, checked
from .executor import Executor
from .job import Job
from .loader import Loader
from .memory import Memory
from .reader import Reader
from .span import overlap
from .storer import Storer

__all__ = ["Run", "exact"]


def exact(
    config: AcceleratorConfig,
    program: Sequence[Descriptor],
    memory: Memory | None = None,
    program_addr: int = 0,
) -> "Run":
    """The run of a program, in which no descriptor has an error and every region is in its window.

    ``program_addr`` is a multiple of a descriptor. Cycles are those of the counter CYCLES: from the one
    after that in which the doorbell acts to that in which the program is done.
    """
    return Run(config, program, Memory() if memory is None else memory, program_addr)


class Run:
    """A program on a configuration and a memory.

    Engines are followed token by token, in the order in which the load engine asks: what it waits for can
    only depend on what it has asked for before.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        program: Sequence[Descriptor],
        memory: Memory,
        program_addr: int,
    ) -> None:
        self.config = config
        self._jobs = [Job(config, descriptor) for descriptor in program]
        self._program_addr = program_addr
        self._single = config.build.descriptors == 1
        self._dispatched: list[int] = []
        self._fetched: list[Sequence[int]] = []  # cycles of the descriptors' beats
        self._load_ended: list[int] = []
        self.reads = Reader(config.bus, config.build.request_registers, memory)
        self.loader = Loader(
            config,
            self._load,
            lambda n: self.executor.freed_chunk(n),
            lambda n: self.executor.freed_tile(n),
            lambda n: self.storer.freed_table(n),
        )
        self._load_slots = self._slots(1, self._load_ended.__getitem__)
        self._execute_slots = self._slots(2, lambda n: self.executor.ended_job(n))
        self._store_slots = self._slots(3, lambda n: self.storer.ended_job(n))
        self.executor = Executor(
            config,
            self.loader,
            self._seen(self._execute_slots),
            lambda n: self.storer.freed_block(n),
        )
        self.storer = Storer(
            config,
            memory,
            self.loader,
            self._seen(self._store_slots),
            lambda n: self.executor.filled_block(n),
        )
        self.cycles = self._follow()

    def _slots(self, count: int, ended: Callable[[int], int]) -> Slots:
        cut = self.config.build.request_registers > 0
        return Slots(0 if self._single else count, cut, self._dispatched, ended)

    def _seen(self, slots: Slots) -> Iterator[tuple[Job, int]]:
        for n, job in enumerate(self._jobs):
            yield job, slots.seen(n)

    def _follow(self) -> int:
        if not self._jobs:
            return 2
        for n, job in enumerate(self._jobs):
            if len(self._fetched) == n:
                self._fetch(self._fetches(n))
            free = self.storer.completed_job(n - 1) + 1 if n and job.fenced else 0
            ready = checked(self.config, job, self._fetched[n])
            self._dispatched.append(max(ready, free))
            self._load_ended.append(self.loader.load(job, self._load_slots.seen(n)))
        last = len(self._jobs) - 1
        return max(self._offered(last) + 1, self.storer.completed_job(last)) + 1

    def _offered(self, n: int) -> int:
        """Cycle in which the last engine takes a job from the dispatcher."""
        all_slots = (self._load_slots, self._execute_slots, self._store_slots)
        return max(self._dispatched[n] + 1, *(slots.left(n) for slots in all_slots))

    def _fetches(self, n: int) -> int:
        """Cycle from which on the dispatcher asks for a descriptor."""
        if n == 0:
            return 1
        offered = self._offered(n - 1)
        if self._single:
            offered = max(offered, self.storer.completed_job(n - 1))
        return offered + 2

    def _fetch(self, valid: int) -> int:
        """Ask for the next descriptor; the cycle in which that is accepted."""
        addr = self._program_addr + len(self._fetched) * DESCRIPTOR_BYTES
        accepted = self.reads.accepts(valid)
        beats = self.reads.request(accepted, addr, descriptor_beats(self.config))
        self._fetched.append(beats)
        return accepted

    def _load(self, valid: int, addr: int, beats: int) -> tuple[int, Sequence[int]]:
        """A request of the load engine; the dispatcher's go before it."""
        accepted = self.reads.accepts(valid)
        n = len(self._fetched)
        if not self._single and n == len(self._dispatched) and n < len(self._jobs):
            asked = self._fetches(n)
            if asked <= accepted:
                accepted = self.reads.accepts(max(valid, self._fetch(asked) + 1))
        return accepted, self.reads.request(accepted, addr, beats)

    @property
    def counters(self) -> dict[str, int]:
        """What the counters say at the end, by their names."""
        cycles, reads = self.cycles, self.reads
        flight = sum(last - first + 1 for first, last in reads.in_flight)
        space = sum(last - first + 1 for first, last in self.loader.waits)
        space -= overlap(reads.in_flight, self.loader.waits)
        counts = {
            "CYCLES": cycles,
            "LOAD_BUSY": reads.beats,
            "LOAD_WAIT_MEMORY": flight - reads.beats,
            "LOAD_WAIT_SPACE": space,
            "LOAD_IDLE": cycles - flight - space,
            "EXEC_IDLE": cycles - sum(self.executor.counts.values()),
            "STORE_IDLE": cycles - sum(self.storer.counts.values()),
            "BEATS_READ": reads.beats,
            "BEATS_WRITTEN": self.storer.beats,
        }
        for prefix, engine in (("EXEC", self.executor), ("STORE", self.storer)):
            counts |= {f"{prefix}_{why.upper()}": n for why, n in engine.counts.items()}
        return {name: counts.get(name, 0) for name in COUNTERS}
