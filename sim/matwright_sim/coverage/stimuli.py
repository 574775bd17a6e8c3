# SPDX-License-Identifier: Apache-2.0
"""The regression whose coverage is counted: parts, each from a seed of its own, each checked."""

from collections.abc import Callable, Set

import numpy as np

from matwright.bus.register_map import COUNTERS, REGISTERS, constants
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig, ceil_div
from matwright.layout import a_row_bytes, b_stride, d_stride, table_bytes
from matwright.schedule.descriptor import Descriptor, Error, Flag

from ..agents.programs import random_tiling
from ..compiled import FAULTS
from ..golden.machine import check, regions
from .bench import WATCHDOG, Bench, Mismatch, Program
from .bins import Bins, impossible_errors
from .shapes import (
    CLASSES,
    Shape,
    Tiling,
    class_of,
    draw_like,
    longest,
    memory_bytes,
    room,
)
from .spoil import ON_THE_WAY, spoil, strike

__all__ = ["EVENTS", "PARTS", "Part", "judge"]

EVENTS = (*FAULTS, "doorbell", "soft reset", "end of context", "rst")
"""What happens to running programs."""

Part = Callable[[Bench, np.random.Generator, Bins, bool], None]

_SOON = 400
_MANY = {False: 40, True: 260}
_STILL = {False: 4200, True: 33_000}
_WORK = {False: 5_000, True: 90_000}
"""Cycles of the longest programs."""
_WORK_REFUSED, _WORK_STOPPED = 300_000, 80_000
"""The same of descriptors that do not run, and of programs that are stopped."""
_START = 1


def registers(bench: Bench, rng: np.random.Generator, bins: Bins, full: bool) -> None:
    """Every register is read and written, with ones, zeros and random bits, in any order of the bus."""
    host, machine = bench.host, bench.machine
    for name, value in constants(bench.config).items():
        if host.read(name) != value:
            raise Mismatch(f"{name} reads {host.read(name):#x}, not {value:#x}")
    for _ in range(8 if full else 3):
        for register in REGISTERS:
            if register.name == "CONTROL" or not _exists(bench.config, register.name):
                continue
            for value in (0, 0xFFFF_FFFF, int(rng.integers(1 << 32))):
                if register.name.endswith("_CONTROL"):
                    value &= ~4
                host.write(register.name, value)
                host.read(register.name)
    for _ in range(400 if full else 100):
        strobes = int(rng.integers(16))
        offset = int(rng.integers(1 << 13))
        if rng.integers(2):
            offset = int(rng.choice([register.offset for register in REGISTERS]))
        write: tuple[int, int, int] | None = (offset, int(rng.integers(1 << 32)), strobes)
        locks = any(offset & ~3 == r.offset and r.name.endswith("CONTROL") for r in REGISTERS)
        if locks or rng.integers(4) == 0:
            write = None
        read = None if write and rng.integers(3) == 0 else int(rng.integers(1 << 13))
        after = tuple(int(wait) for wait in rng.integers(0, 6, 5) * rng.integers(0, 2, 5))
        machine.access(write, read, prot=int(rng.integers(8)), after=after)  # type: ignore[arg-type]
    _locks(bench, rng)


def _exists(config: AcceleratorConfig, name: str) -> bool:
    if name.startswith("WINDOW") and name[6].isdigit():
        return int(name[6]) < config.bus.windows
    return name not in COUNTERS or config.build.counters


def _locks(bench: Bench, rng: np.random.Generator) -> None:
    """A window that is locked keeps its values, and ``rst`` alone forgets the lock."""
    for i in range(bench.config.bus.windows):
        host = bench.host
        window = _window(bench, rng)
        for offset, value in window.registers(i, lock=True).items():
            bench.machine.write_register(offset, value)
        names = [f"WINDOW{i}_{name}" for name in ("BASE_LO", "LIMIT_LO", "CONTROL")]
        before = [host.read(name) for name in names]
        for name in names:
            host.write(name, 0)
        host.end_context()
        if [host.read(name) for name in names] != before:
            raise Mismatch(f"window {i} is locked and has changed")
    bench.machine.reset()


def _window(bench: Bench, rng: np.random.Generator) -> Window:
    pages = 1 << bench.config.bus.addr_width - 12
    first, last = sorted(int(page) for page in rng.integers(0, pages, 2))
    read, write = (bool(bit) for bit in rng.integers(0, 2, 2))
    return Window(first << 12, (last + 1 << 12) - 1, read, write)


def shapes(bench: Bench, rng: np.random.Generator, bins: Bins, full: bool) -> None:
    """Good programs of one GEMM, of every class of M, N and K."""
    for triple in _triples(rng, 3 if full else 1):
        _good(bench, rng, bins, [triple], dependent=False)


def _triples(rng: np.random.Generator, rounds: int) -> list[tuple[str, str, str]]:
    """Classes of M, N and K: every class of each once a round, and no two that take longest."""
    found = []
    for _ in range(rounds):
        second, third = rng.choice(np.arange(1, 6), 2, replace=False)
        found += [
            (CLASSES[i], CLASSES[(i + second) % 6], CLASSES[(i + third) % 6]) for i in range(6)
        ]
    return found


def _good(
    bench: Bench,
    rng: np.random.Generator,
    bins: Bins,
    triples: list[tuple[str, str, str]],
    dependent: bool,
    flags: int | None = None,
) -> None:
    drawn = [draw_like(bench.config, rng, triple) for triple in triples]
    program = bench.program(
        rng,
        [shape for shape, _ in drawn],
        [tiling for _, tiling in drawn],
        dependent=dependent,
        flags=flags,
    )
    bench.run(program)
    stall = bench.timing.stall
    bins.program(len(drawn), dependent, stall)
    for (shape, tiling), descriptor in zip(drawn, program.image.descriptors, strict=True):
        bins.shape(class_of(bench.config, shape, tiling), stall, Error.NONE, descriptor.flags)


_QUICK_CLASSES = CLASSES[:5]


def programs(bench: Bench, rng: np.random.Generator, bins: Bins, full: bool) -> None:
    """Good programs of one to five GEMMs, some of which use what earlier ones left."""
    words = list(range(64)) if full else [int(word) for word in rng.choice(64, 12, replace=False)]
    for number, flags in enumerate(words):
        count = 1 + number % 5
        triples = [tuple(str(rng.choice(_QUICK_CLASSES)) for _ in range(3)) for _ in range(count)]
        mixed = flags if count == 1 or number % 3 == 0 else None
        _good(bench, rng, bins, triples, bool(number % 2 and count > 1), mixed)  # type: ignore[arg-type]
    if bench.timing.stall == "none":
        _many(bench, rng, _MANY[full])
        for shape, tiling in longest(bench.config, _WORK[full]):
            bench.run(bench.program(rng, [shape], [tiling]))
    _rings(bench, rng)


def _many(bench: Bench, rng: np.random.Generator, count: int) -> None:
    """A long program of the smallest GEMMs."""
    one = Shape(1, 1, 1)
    count = min(count, memory_bytes(bench.config) // 2 // room(bench.config, one))
    per_word = bench.config.panels_per_activation_word.bit_length() - 1
    program = bench.program(rng, [one] * count, [Tiling(1, 0, per_word)] * count)
    bench.run(program)
    if bench.host.read("COMPLETED") != count:
        raise Mismatch(f"COMPLETED is not {count}")


def _rings(bench: Bench, rng: np.random.Generator) -> None:
    """Programs of no descriptors, and doorbells in the cycles after their end."""
    host, machine = bench.host, bench.machine
    control = next(register.offset for register in REGISTERS if register.name == "CONTROL")
    if not host.run(0, 0):
        raise Mismatch("a program of no descriptors does not end")
    for later in range(6):
        for wait in (0, later):
            machine.access((control, _START, 15), None, after=(wait, wait, 0, 0, 0))
        bench.settle()
        if host.read("STATUS") & 4:
            bench.recover()
    if bench.timing.stall != "none":
        return
    # In every cycle around the end of a program.
    drawn = draw_like(bench.config, rng, ("1", "1", "1"))
    program = bench.program(rng, [drawn[0]], [drawn[1]])
    bench.start(program)
    begun = machine.cycles
    bench.finish(program)
    took = machine.cycles - begun
    host.write("IRQ_ENABLE", 0)
    for earlier in range(24):
        host.write("CONTROL", _START)
        machine.run(max(0, took - earlier))
        host.write("CONTROL", _START)
        machine.run(2 * took)
        if host.read("STATUS") & 4:
            host.reset()
    host.write("IRQ_CAUSE", 3)
    bench.ready()


def errors(bench: Bench, rng: np.random.Generator, bins: Bins, full: bool) -> None:
    """Every error of a descriptor, with descriptors before it that end well."""
    config, host = bench.config, bench.host
    absent = impossible_errors(config)
    for error in Error:
        if error in absent or error == Error.NONE or error in ON_THE_WAY:
            continue
        for triple in _triples(rng, 1):
            before = int(rng.integers(3)) if rng.integers(2) else 0
            drawn = [
                draw_like(bench.config, rng, ("other", "other", "other")) for _ in range(before)
            ]
            drawn.append(draw_like(bench.config, rng, triple, _WORK_REFUSED))
            flags = None if rng.integers(2) else int(Flag.TABLE)
            program = bench.program(rng, [s for s, _ in drawn], [t for _, t in drawn], flags=flags)
            host.open(bench.everything())
            descriptor = program.image.descriptors[before]
            spoil(bench, rng, program, before, error)
            bench.start(program)
            found = bench.stopped(program, error)
            if found != (error, before, program.address_of(before)):
                raise Mismatch(f"{error.name} is told as {found}")
            shape, tiling = drawn[before]
            classes = class_of(config, shape, tiling)
            bins.shape(classes, bench.timing.stall, error, descriptor.flags)
            bench.recover()
            host.open(bench.everything())
    _bad_addresses(bench, rng)
    _wraps(bench, rng)


def _wraps(bench: Bench, rng: np.random.Generator) -> None:
    """Regions that go on past the end of the address space, some to where they began."""
    shape, tiling = draw_like(bench.config, rng, ("other", "other", "other"))
    program = bench.program(rng, [shape], [tiling])
    for code in wrapped(bench.config, rng, program.image.descriptors[0]):
        program.put(0, code)
        bench.start(program)
        bench.stopped(program, Error.WINDOW)
        bench.recover()


def wrapped(config: AcceleratorConfig, rng: np.random.Generator, d: Descriptor) -> list[bytes]:
    """The descriptor with other numbers of rows of A, B and D, and strides that leave the address space
    once or some times: in the sum of all steps, or in a single one."""
    space, beat = 1 << config.bus.addr_width, config.bus.bytes
    limits = config.limits
    found = []
    for name, most in (
        ("a", limits.max_m),
        ("b", ceil_div(limits.max_k, config.rows)),
        ("d", limits.max_m),
    ):
        some = {2, 3, most} | {1 + (1 << int(rng.integers(1, 24))) for _ in range(4)}
        for rows in sorted(count for count in some if 2 <= count <= most):
            size = {"k": (rows - 1) * config.rows + 1} if name == "b" else {"m": rows}
            for rounds in (1, int(rng.integers(1, 4))):
                beats = ceil_div(rounds * space, (rows - 1) * beat) + int(rng.integers(2))
                stride = min(beats * beat, (1 << 32) - beat)
                code = Bench.changed(d, **size, **{f"{name}_stride": stride})
                spans = regions(config, Descriptor.unpack(code))
                if check(config, code) == Error.NONE and any(last >= space for _, last, _ in spans):
                    found.append(code)
    return found


def _bad_addresses(bench: Bench, rng: np.random.Generator) -> None:
    """The address of a program that is not aligned, too high, or in no window."""
    host, width = bench.host, bench.config.bus.addr_width
    for _ in range(10):
        low = 64 * int(rng.integers(1 << width - 6))
        tries = [(Error.ALIGNMENT, low | int(rng.integers(1, 64)))]
        if width < 48:
            tries.append((Error.ADDRESS, low | 1 << int(rng.integers(width, 48))))
        for error, address in tries:
            host.run(address, 1 + int(rng.integers(1 << 16) - 1))
            if host.error()[:2] != (error, 0):
                raise Mismatch(f"the address {address:#x} gives {host.error()}")
            bench.recover()
    _next_page(bench, rng)
    host.open([Window(0, 4095, read=False)])
    host.run(low, 1)
    if host.error() != (Error.WINDOW, 0, low):
        raise Mismatch(f"a program that may not be read gives {host.error()}")
    bench.recover()
    host.open(bench.everything())


def _next_page(bench: Bench, rng: np.random.Generator) -> None:
    """A second descriptor that is in no window."""
    host, machine = bench.host, bench.machine
    while True:
        shape, tiling = draw_like(bench.config, rng, ("other", "other", "other"))
        program = bench.program(rng, [shape], [tiling])
        if program.image.regions[-1].stop <= program.image.before.size - 64:
            break
    bench.load(program)
    stop = program.span.stop
    start = program.address
    machine.memory[stop - 64 : stop] = machine.memory[start : start + 64]
    host.open([Window(program.base, stop - 1)])
    host.run(stop - 64, 2)
    if host.error() != (Error.WINDOW, 1, stop % (1 << bench.config.bus.addr_width)):
        raise Mismatch(f"a descriptor beyond a window gives {host.error()}")
    bench.recover()
    host.open(bench.everything())


def strikes(bench: Bench, rng: np.random.Generator, bins: Bins, full: bool) -> None:
    """Every error that bus or host cause while a program runs."""
    absent = impossible_errors(bench.config)
    for error, ways in ON_THE_WAY.items():
        if error in absent:
            continue
        for number, triple in enumerate(_triples(rng, 1)):
            for what in ways if full else [ways[number % len(ways)]]:
                _strike(bench, rng, bins, error, what, triple)


def _strike(
    bench: Bench,
    rng: np.random.Generator,
    bins: Bins,
    error: Error,
    what: str,
    triple: tuple[str, str, str],
) -> None:
    drawn = [
        draw_like(bench.config, rng, triple, _WORK_STOPPED),
        draw_like(bench.config, rng, ("other", "other", "1")),
    ]
    program = bench.program(rng, [s for s, _ in drawn], [t for _, t in drawn])
    told = {error}
    if what.startswith("unasked"):
        told |= {Error.READ_LAST, Error.READ_ID, Error.WRITE_ID}
    # Until it strikes the first descriptor: ever earlier, for short ones.
    for latest in (_SOON, 200, 100, 60, 30, 30):
        struck: bool | None = False
        if not bench.start(program, int(rng.integers(latest))):
            struck = strike(bench, rng, what)
        found, index, _ = bench.stopped(program)
        bench.recover()
        judge(what, struck, found, told)
        if found != Error.NONE and what in EVENTS:
            bins.fault(what, bench.timing.stall)
        if found != Error.NONE and index < len(drawn):
            shape, tiling = drawn[index]
            flags = program.image.descriptors[index].flags
            bins.shape(class_of(bench.config, shape, tiling), bench.timing.stall, found, flags)
        if found == error and index == 0:
            break
    bench.settle()


def judge(what: str, struck: bool | None, found: Error, told: Set[Error]) -> None:
    """Whether a program that ``what`` has struck, or has not, may end with ``found``.

    ``told`` are the errors that tell of it. What has struck must be told of; None stands for what only the
    machine can know to have struck.
    """
    if found != Error.NONE and found not in told:
        raise Mismatch(f"{what} is told as {found.name}")
    if struck and found == Error.NONE:
        raise Mismatch(f"{what} has struck and is not told of")
    if struck is False and found != Error.NONE:
        raise Mismatch(f"{what} has not struck and is told as {found.name}")


def stops(bench: Bench, rng: np.random.Generator, bins: Bins, full: bool) -> None:
    """A program is stopped by the host at any moment, and the next is exact."""
    host, machine = bench.host, bench.machine
    for number in range(18 if full else 6):
        drawn = [draw_like(bench.config, rng, ("other", "blocks", "other")) for _ in range(2)]
        program = bench.program(rng, [s for s, _ in drawn], [t for _, t in drawn])
        ended = bench.start(program, int(rng.integers(_SOON)))
        kind = number % 3
        if kind == 0:
            host.reset()
        elif kind == 1:
            host.end_context()
        else:
            machine.reset()
        if not ended:
            bench.check_memory(program, 0)
            bins.fault(("soft reset", "end of context", "rst")[kind], bench.timing.stall)
        bench.ready()
        bench.run(program)
    if bench.timing.stall == "none":
        _rest(bench, program, _STILL[full])
    # A doorbell while a reset is under way, and one with it.
    bench.start(program, 30)
    for value in (2, 1, 3):
        host.write("CONTROL", value)
    bench.settle()
    bench.ready()


def _rest(bench: Bench, program: Program, cycles: int) -> None:
    """Nothing moves for so long, which is permitted."""
    bench.host.write("WATCHDOG", 0)
    bench.machine.inject("hang_ar")
    bench.start(program)
    if bench.machine.run(cycles):
        raise Mismatch("a program that rests stops")
    bench.machine.release()
    bench.finish(program)
    bench.host.write("WATCHDOG", WATCHDOG)


def wild(bench: Bench, rng: np.random.Generator, bins: Bins, full: bool) -> None:
    """Legal programs of any size, addresses and strides, stopped after a while; then a good one."""
    host, machine, config = bench.host, bench.machine, bench.config
    words = machine.memory
    for number in range(240 if full else 60):
        space = 1 << config.bus.addr_width
        address = 64 * int(rng.integers(bench.size // 64))
        code = _wild(config, rng, small=number % 4 < 2)
        words[address : address + 64] = np.frombuffer(code, np.uint8)
        windows = bench.everything()
        if number % 8 == 7:
            windows = [_window(bench, rng) for _ in range(config.bus.windows)]
        host.open(windows)
        host.write("WATCHDOG", int(rng.integers(1 << 24)))
        if not host.run(address, 1, 600 if number % 4 else 3000):
            host.reset()
        elif host.read("STATUS") & 4:
            found = Error(host.error()[0])
            legal = {Error.WINDOW} if number % 8 == 7 else set()
            if space > bench.size:
                legal |= {Error.READ_RESPONSE, Error.WRITE_RESPONSE}
            if found not in legal:
                raise Mismatch(f"a legal program stops with {found.name}")
            bench.recover()
        bench.no_violations()
    bench.ready()
    _good(bench, rng, bins, [("other", "other", "other")], False)


def _wild(config: AcceleratorConfig, rng: np.random.Generator, small: bool) -> bytes:
    """A descriptor that passes every check, of whatever size fits the addresses."""
    beat, limits = config.bus.bytes, config.limits
    space = 1 << config.bus.addr_width
    while True:
        most = (limits.max_m, limits.max_n, limits.max_k)
        widest = [min(limit, 12) if small else limit for limit in most]
        m, n, k = (_any(rng, limit) for limit in widest)
        flags = int(rng.integers(64))
        tile_rows, n_log2, k_log2 = random_tiling(config, rng, m, n)
        if rng.integers(2):
            n_log2, k_log2 = 0, config.panels_per_activation_word.bit_length() - 1
            tile_rows = min(config.sram.accumulator_rows, config.activation_words)
        raw = bool(flags & Flag.RAW)
        wanted = {
            "a": (m, a_row_bytes(config, k)),
            "b": (ceil_div(k, config.rows), b_stride(config, n)),
            "d": (m, d_stride(config, n, raw)),
            "params": (1, table_bytes(config, n)),
        }
        fields: dict[str, int] = {}
        for name, (rows, length) in wanted.items():
            room = (space - length) // max(1, rows - 1) if rows > 1 else space
            if room < 0:
                break
            stride = beat * _any(rng, max(0, min(room, (1 << 32) - 1) // beat), 0)
            last = (rows - 1) * stride + length
            if last > space:
                break
            fields[name] = beat * int(rng.integers((space - last) // beat + 1))
            fields[f"{name}_stride"] = stride
        if len(fields) < 8:
            continue
        descriptor = Descriptor(
            flags=flags,
            n_panels_log2=n_log2,
            k_panels_log2=k_log2,
            zero_point=int(rng.integers(-128, 128)),
            m=m,
            n=n,
            k=k,
            tile_rows=tile_rows,
            a_addr=fields["a"],
            b_addr=fields["b"],
            d_addr=fields["d"],
            a_stride=fields["a_stride"],
            b_stride=fields["b_stride"],
            d_stride=fields["d_stride"],
            params=fields["params"] if flags & Flag.TABLE else int(rng.integers(1 << 32)),
        )
        code = descriptor.pack()
        fits = all(limit < space for _, limit, _ in regions(config, descriptor))
        if fits and check(config, code) == Error.NONE:
            return code


def _any(rng: np.random.Generator, most: int, least: int = 1) -> int:
    """From ``least`` to ``most``, every number of bits as likely as any other, ``most`` more often."""
    if rng.integers(8) == 0:
        return most
    bits = int(rng.integers(1, max(2, most.bit_length() + 1)))
    return max(least, min(most, int(rng.integers(1 << bits))))


PARTS: dict[str, Part] = {
    "registers": registers,
    "shapes": shapes,
    "programs": programs,
    "errors": errors,
    "strikes": strikes,
    "stops": stops,
    "wild": wild,
}
"""By name. Each begins after ``rst`` with one window that is open for everything."""
