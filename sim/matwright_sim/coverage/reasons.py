# SPDX-License-Identifier: Apache-2.0
"""Why a bit or a branch is not reached: what is proven, and the rules that say the rest.

A rule names registers and says why some of their bits stay as reset left them; what depends on these
bits alone follows, see :mod:`.constants`. Whatever no proof and no rule explains is a miss.
"""

import re
from dataclasses import dataclass

from matwright.config import AcceleratorConfig

from .constants import find_constants, prove
from .counts import Bit, Coverage, Line, instances
from .paths import path

__all__ = ["CONSTANT", "Explained", "Rule", "explain", "rules"]

CONSTANT = "constant in this configuration, proven"
_LOCAL = "constant whatever the module is given, proven"
_FOLLOWS = "follows from the bits below"
_COUNTS = "counts: bit k takes 2**k"
_PROBE = "mw_probe_"


@dataclass(frozen=True)
class Rule:
    """Registers some bits of which no run of this length moves, or none at all."""

    module: str
    """Pattern of the module's name behind the top's."""
    signal: str
    """Pattern of the register's name."""
    reason: str
    first: int = 0
    """Lowest bit of which it may be said."""
    stop: int = 1 << 16
    """First bit above those of which it may be said."""


_POSITION = r"engine\.(loader|executor|storer)\.(rows|columns|chunks)"
_ENGINES = r"engine(\.(reader|writer)(\..*)?)?"
_NUMBERS = r"(completed|index|loading|reading|storing|executing)(\$\d+)?"
_HARDWARE = "only a fault of the hardware sets it"


def rules(config: AcceleratorConfig) -> tuple[Rule, ...]:
    """All rules; the first that fits a bit says why."""
    beat_bits = (config.bus.bytes - 1).bit_length()
    burst_bits = (config.bus.max_burst - 1).bit_length()
    longest = f"no burst is longer than {config.bus.max_burst} beats"
    single = Rule(r"engine\.storer\.banks", ".*", _TABLES)
    return (
        *([single] if config.build.descriptors == 1 else []),
        Rule("", "still", f"{_COUNTS} cycles in which nothing moves", 8),
        Rule("registers.counters", "value|total|sum_.*|.*__data", f"{_COUNTS} cycles", 10),
        Rule(r"(registers\.status|engine(\.dispatcher)?)", _NUMBERS, f"{_COUNTS} descriptors", 3),
        Rule(r"engine\.dispatcher", "pending", f"{_COUNTS} stores under way", 2),
        Rule(_POSITION, "offset|left_inverted", f"{_COUNTS} pieces of a matrix", 3),
        Rule(r"engine\.(reader|writer)\.guard", "blocked", _HARDWARE),
        Rule(
            r"engine\.(reader|writer)\.guard", r"len|length|\$\d+|i_len|port.*", longest, burst_bits
        ),
        Rule(
            _ENGINES,
            ".*(addr|payload|item|following|data|second).*|\\$\\d+",
            _ALIGNED,
            0,
            beat_bits,
        ),
    )


_TABLES = "no block of a descriptor is loaded before the table of the one before: two never wait"
_ALIGNED = "addresses are multiples of the beat; others are refused"
_SUM = re.compile(r" *assign (\\\S+ |\w+) *= (\\\S+ |\w+) *\+ .*;")

_NEVER: tuple[tuple[str, str, str], ...] = (
    (r".*sram.*", r"r_addr == w_addr", "no schedule reads and writes a word in one cycle"),
)
"""Branches by module and text of the line, and why they are never taken."""

_ONE_BY_ONE: tuple[tuple[str, str, str], ...] = (
    (
        r"engine\.dispatcher",
        "none_pending|request__ready",
        "with one descriptor under way at a time all is quiet when the next is asked for",
    ),
    (r"engine\.storer\.banks", r"if \(", _TABLES),
)
"""The same with one descriptor under way at a time."""


@dataclass
class Explained:
    """What became of all that was not reached."""

    bits: list[tuple[Bit, int, str]]
    """Bit, number of its points, reason."""
    lines: list[tuple[Line, str]]
    missed_bits: list[tuple[Bit, bool, bool]]
    """With whether the rise and whether the fall is missing."""
    missed_lines: list[Line]


def explain(config: AcceleratorConfig, verilog: str, coverage: Coverage) -> Explained:
    """Explain what ``coverage`` does not reach of ``verilog``."""
    top = next(iter(instances(verilog)))
    still = list(coverage.still())
    never = {bit for bit, rise, fall in still if rise and fall}
    premises = _premises(config, verilog, top, never)
    lines = [line for line, count in coverage.lines.items() if not count]
    probed, probes = _probe(verilog, lines)
    asked = [*(bit for bit, _, _ in still), *probes.values()]
    proven, tied = find_constants(probed, asked, premises)
    reasons: dict[Bit, str] = {}
    for bit in asked:
        if proven.value(bit) is not None:
            reasons[bit] = CONSTANT
        elif bit in premises:
            reasons[bit] = premises[bit]
        elif tied.value(bit) is not None:
            reasons[bit] = _FOLLOWS
    levels = dict.fromkeys(probes.values(), 0)
    levels |= {bit: coverage.high[bit.module, bit.signal] >> bit.index & 1 for bit in never}
    unknown = {bit: level for bit, level in levels.items() if bit not in reasons}
    reasons |= dict.fromkeys(prove(probed, unknown), _LOCAL)
    explained = Explained([], [], [], [])
    for bit, rise, fall in still:
        if bit in reasons:
            explained.bits.append((bit, rise + fall, reasons[bit]))
        else:
            explained.missed_bits.append((bit, rise, fall))
    texts = verilog.splitlines()
    for line in lines:
        found = _never(config, top, line, texts[line.line - 1])
        if found is None and line in probes:
            found = reasons.get(probes[line])
        if found is None:
            explained.missed_lines.append(line)
        else:
            explained.lines.append((line, found))
    return explained


def _premises(config: AcceleratorConfig, verilog: str, top: str, never: set[Bit]) -> dict[Bit, str]:
    """Bits that a rule names, and those of their sums with something, with its reason."""
    named: dict[Bit, str] = {}
    every = rules(config)
    for bit in never:
        inner = _inner(top, bit.module)
        for rule in every:
            fits = re.fullmatch(rule.module, inner) and re.fullmatch(rule.signal, bit.signal)
            if fits and rule.first <= bit.index < rule.stop:
                named[bit] = rule.reason
                break
    lowest: dict[tuple[str, str], tuple[int, str]] = {}
    for bit, reason in named.items():
        if reason.startswith(_COUNTS):
            key = (bit.module, bit.signal)
            lowest[key] = min(lowest.get(key, (bit.index, reason)), (bit.index, reason))
    module = ""
    for text in verilog.splitlines():
        if text.startswith("module "):
            module = text.split("(")[0].removeprefix("module ").strip().removeprefix("\\")
        elif match := _SUM.fullmatch(text):
            signal, summand = (word.strip().removeprefix("\\") for word in match.groups())
            first, reason = lowest.get((module, summand), (0, ""))
            for bit in never if reason else ():
                if (bit.module, bit.signal) == (module, signal) and bit.index >= first:
                    named.setdefault(bit, reason)
    return named


def _probe(verilog: str, lines: list[Line]) -> tuple[str, dict[Line, Bit]]:
    """The design with a wire for each branch that says that it is taken."""
    texts = verilog.splitlines()
    probes: dict[Line, Bit] = {}
    ends: dict[int, list[str]] = {}
    for number, line in enumerate(lines):
        condition = path(texts, line)
        if condition is not None:
            probes[line] = Bit(line.module, f"{_PROBE}{number}", 0)
            ends.setdefault(texts.index("endmodule", line.line - 1), []).append(
                f"  wire {_PROBE}{number} = {condition};"
            )
    for end in sorted(ends, reverse=True):
        texts[end:end] = ends[end]
    return "\n".join(texts) + "\n", probes


def _inner(top: str, module: str) -> str:
    return module.removeprefix(top).lstrip("._")


def _never(config: AcceleratorConfig, top: str, line: Line, text: str) -> str | None:
    single = _ONE_BY_ONE if config.build.descriptors == 1 else ()
    for module, pattern, reason in (*_NEVER, *single):
        if re.fullmatch(module, _inner(top, line.module)) and re.search(pattern, text):
            return reason
    return None
