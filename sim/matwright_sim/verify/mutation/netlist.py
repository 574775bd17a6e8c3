# SPDX-License-Identifier: Apache-2.0
"""The Verilog of an accelerator with mutants in it, each switched on by a bit of its own.

Yosys makes and applies the mutations (``mutate -ctrl``). The accelerator is flattened and what nothing
reads is left out first; then its cells are gathered to blocks. All mutants of a block are in one text, so
that one compilation serves them: in place of the control port a bit of ``mutated.mutant`` switches each.
Of several blocks in one text the simulation is as slow as all mutants together make it.
"""

import itertools
import json
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from matwright import emit
from matwright.bus.window import page_width
from matwright.config import AcceleratorConfig
from matwright_fpga import tools

from ... import cache

__all__ = [
    "BLOCKS",
    "MEMORIES",
    "TOP",
    "Mutant",
    "Netlist",
    "apply",
    "netlist",
    "text_with_sources",
    "yosys",
]

BLOCKS: Mapping[str, tuple[str, ...]] = {
    "array": ("array",),
    "scheduler": ("dispatcher", "loader", "executor", "storer"),
    "scratchpad": ("activations", "weights", "parameters"),
    "accumulator": ("accumulator",),
    "dma": ("reader", "writer"),
    "post": ("post",),
}
"""Blocks that are mutated, and the parts of the engine that each is made of."""

MEMORIES = ("scratchpad", "accumulator")
"""Blocks that forget what is in them when they are told to."""

TOP = "mutated"
"""Name of the accelerator with mutants."""

_VERSION = "2"
"""Of what is kept in the cache."""

_WEAK = """\
  reg [2:0] weakened /* verilator public_flat_rw */;
  reg [31:0] strayed /* verilator public_flat_rw */;
"""
"""What is spoilt that comes before a second line of defence, which nothing reaches else: the windows of the
dispatcher's check are open, what is in a block of memories is forgotten, rows are read that are others."""

_CONTROL, _WIDTH = "mutant_select", 20
_CLOCK = ("CLK", "clk")
_SOURCE = re.compile(r'\(\* src = "[^"]*" \*\) ?')
_SOURCE_LINE = re.compile(r'^ *\(\* src = "[^"]*" \*\)\n', re.MULTILINE)
_SRAM_TEXT = "// One write port, one read port."
_SINGLE_PORT_TEXT = "// One port: a word is written"
_WAIVED = "/* verilator lint_off UNOPTFLAT */\n/* verilator lint_off UNUSEDSIGNAL */\n"
_FIELDS = ("mode", "cell", "port", "portbit", "ctrlbit")


@dataclass(frozen=True)
class Mutant:
    """A change of one bit at one port of one cell."""

    block: str
    number: int
    """In its block."""
    command: str
    """As ``mutate`` of Yosys wants it, for a module of the block's name."""
    cell: str
    port: str
    what: str
    """``const0``, ``const1``, ``inv``, ``cnot0`` or ``cnot1``, see ``help mutate`` of Yosys."""
    wire: str
    """A named wire at that bit, where there is one."""
    source: str
    """Lines of the generator that the cell is from, ``matwright/core/pe.py:60``."""

    def __str__(self) -> str:
        at = f" ({self.wire})" if self.wire else ""
        return f"{self.what} of {self.cell}.{self.port}{at}, {self.source or 'no line'}"


@dataclass(frozen=True)
class Netlist:
    """A text with mutants, and where its parts are."""

    folder: Path
    mutants: tuple[Mutant, ...]
    sites: Mapping[str, int]
    """Of each block, how many different mutations there are."""

    def text(self, block: str) -> Path:
        """File of :meth:`verilog`."""
        return self.folder / f"mutated_{block}.v"

    def verilog(self, block: str) -> str:
        """Of the whole accelerator, with all mutants of a block."""
        return self.text(block).read_text("utf-8")

    def of(self, block: str) -> list[Mutant]:
        """Those of a block, in the order of their numbers."""
        return [mutant for mutant in self.mutants if mutant.block == block]


def text_with_sources(config: AcceleratorConfig) -> str:
    """The generated Verilog with the generator's lines in ``src`` attributes; without them it is the
    text that the generator gives, or :class:`RuntimeError` is raised."""
    text = emit.to_verilog(config, sources=True)
    if emit.without_sources(text) != emit.to_verilog(config):
        raise RuntimeError(
            f"the Verilog of {config.name} must be the same with and without sources"
        )
    root = str(Path(emit.__file__).parents[1])
    return text.replace(f"{root}/", "")


def netlist(config: AcceleratorConfig, verilog: str, count: int, seed: int) -> Netlist:
    """``count`` mutants of each block, or as many as there are. Kept in the cache."""

    def build(folder: Path) -> None:
        _build(config, folder, count, seed)

    tool = tools.find_tool("yosys")
    own = Path(__file__).read_text("utf-8")
    name = cache.key(_VERSION, own, verilog, str(count), str(seed), tool.version)
    folder = cache.entry("mutants", name, build)
    kept = json.loads((folder / "mutants.json").read_text("utf-8"))
    return Netlist(folder, tuple(Mutant(**one) for one in kept["mutants"]), kept["sites"])


def yosys(folder: Path, name: str, commands: Iterable[str]) -> str:
    """What Yosys says to these commands, run in ``folder``."""
    (folder / f"{name}.ys").write_text("\n".join(commands) + "\n", "utf-8")
    # By -s: the command `script` takes longer the more lines there are.
    tools.run(
        tools.find_tool("yosys"),
        ["-q", "-l", f"{name}.log", "-s", f"{name}.ys"],
        folder,
        f"{name}.out",
    )
    return (folder / f"{name}.log").read_text("utf-8")


def _build(config: AcceleratorConfig, folder: Path, count: int, seed: int) -> None:
    text = text_with_sources(config)
    logic, memories = _split(text)
    (folder / "logic.v").write_text(logic, "utf-8")
    (folder / "stubs.v").write_text(_stubs(memories), "utf-8")
    commands = [
        "read_verilog stubs.v logic.v",
        f"hierarchy -top {emit.top_name(config)}",
        "proc",
        "flatten",
    ]
    # Enables and resets stay logic of their own; a choice of many is choices of two.
    commands += ["pmuxtree", "opt -nodffe -nosdff", "opt_clean -purge", "memory_collect"]
    commands += [f"rename {emit.top_name(config)} {TOP}", f"write_rtlil {TOP}.il"]
    yosys(folder, "flat", commands)
    _name_registers(folder / f"{TOP}.il")
    commands = ["read_verilog stubs.v", f"read_rtlil {TOP}.il"]
    for block, parts in BLOCKS.items():
        cells = (f"c:$flatten?engine.?{part}.* c:engine.{part}.*" for part in parts)
        commands.append(f"submod -name {block} {' '.join(cells)}")
    for block in BLOCKS:
        commands += [f"select {block}", f"write_rtlil -selected {block}.il"]
        commands += [f"write_verilog -noattr -selected sound_{block}.v", "select -clear"]
        commands += [f"mutate -list 10000000 -module {block} -o {block}.txt"]
    commands += [f"select {TOP}", "write_verilog -noattr -selected top.v"]
    yosys(folder, "blocks", commands)

    chosen: list[Mutant] = []
    sites = {}
    for block in BLOCKS:
        raw = folder / f"{block}.txt"
        lines = [
            line
            for line in raw.read_text("utf-8").splitlines()
            if _field(line, "port") not in _CLOCK
        ]
        raw.unlink()
        sites[block] = len(lines)
        rng = random.Random(f"{seed} {block}")
        picked = _choose(lines, count, rng)
        chosen += [_mutant(block, i, line) for i, line in enumerate(picked)]

    commands = []
    for block in BLOCKS:
        commands += ["design -reset", "read_verilog stubs.v", f"read_rtlil {block}.il"]
        for mutant in chosen:
            if mutant.block == block:
                # 0 is nobody's number.
                commands.append(apply(mutant, f"-ctrl {_CONTROL} {_WIDTH} {mutant.number + 1}"))
        commands += ["opt_clean", f"select {block}", f"write_verilog -noattr -selected {block}.v"]
    yosys(folder, "mutate", commands)

    top = _weakened(_module(folder / "top.v"), config)
    end = top.index(";\n") + 2
    sound = {block: _module(folder / f"sound_{block}.v") for block in BLOCKS}
    for block in BLOCKS:
        most = sum(mutant.block == block for mutant in chosen)
        vector = f"  reg [{max(most, 64)}:0] mutant /* verilator public_flat_rw */;\n{_WEAK}"
        mutated = {block: _switched(_module(folder / f"{block}.v"))}
        text = "".join(
            [_WAIVED, top[:end], vector, top[end:], *(sound | mutated).values(), memories]
        )
        (folder / f"mutated_{block}.v").write_text(text, "utf-8")
    kept = {"sites": sites, "mutants": [asdict(mutant) for mutant in chosen]}
    (folder / "mutants.json").write_text(json.dumps(kept), "utf-8")
    for pattern in ("*.v", "*.log", "*.out", "*.ys"):
        for path in folder.glob(pattern):
            if not path.name.startswith("mutated_") and path.name != "stubs.v":
                path.unlink()


def _name_registers(path: Path) -> None:
    """Public names for registers, which Yosys makes ports of where that is asked for."""

    def public(found: re.Match[str]) -> str:
        return f"  cell $dff \\{(found[1] or '').replace(chr(92), '')}register.{found[2]}"

    pattern = r"^  cell \$dff (?:\$flatten((?:\\[^$\s]*?\.)+))?\$procdff\$(\d+)$"
    path.write_text(re.sub(pattern, public, path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")


def apply(mutant: Mutant, options: str = "") -> str:
    """The command that applies a mutant to the module of its block."""
    return mutant.command.replace("mutate ", f"mutate {options} ", 1)


def _split(text: str) -> tuple[str, str]:
    """The logic, and the memories that are written by hand."""
    starts = [text.find(mark) for mark in (_SRAM_TEXT, _SINGLE_PORT_TEXT)]
    start = min(place for place in [*starts, len(text)] if place >= 0)
    return text[:start], text[start:]


def _stubs(memories: str) -> str:
    """Modules of the same ports as the memories, with nothing in them."""
    found = []
    for body in re.findall(r"^module .*?^endmodule\n", memories, re.MULTILINE | re.DOTALL):
        kept = [
            line.replace("output reg", "output")
            for line in body.splitlines()
            if re.match(r"module|endmodule|  (parameter|input|output) ", line)
        ]
        found.append("\n".join(["(* blackbox *)", *kept, ""]))
    return "\n".join(found)


def _field(line: str, name: str) -> str:
    """The first value of an option of a command of Yosys."""
    words = line.split()
    return words[words.index(f"-{name}") + 1] if f"-{name}" in words else ""


def _choose(lines: Sequence[str], count: int, rng: random.Random) -> list[str]:
    """``count`` of the commands, such that all lines of the generator have as many, if they can."""
    by_source: dict[str, list[str]] = defaultdict(list)
    for line in lines:
        by_source[_source(line)].append(line)
    queues = [by_source[source] for source in sorted(by_source)]
    for queue in queues:
        rng.shuffle(queue)
    rng.shuffle(queues)
    picked: list[str] = []
    while len(picked) < count and queues:
        picked += [queue.pop() for queue in queues[: count - len(picked)]]
        queues = [queue for queue in queues if queue]
    return picked


def _source(line: str) -> str:
    words = line.split()
    values = [value for name, value in itertools.pairwise(words) if name == "-src"]
    return " ".join(dict.fromkeys(value for value in values if value.startswith("matwright")))


def _mutant(block: str, number: int, line: str) -> Mutant:
    wire, bit = _field(line, "wire"), _field(line, "wirebit")
    place = f"[{_field(line, 'portbit')}]"
    return Mutant(
        block,
        number,
        " ".join(["mutate", "-module", block, *_options(line)]),
        cell=_name(_field(line, "cell")),
        port=_field(line, "port") + place,
        what=_field(line, "mode") + (f" by {c}" if (c := _field(line, "ctrlbit")) else ""),
        wire=f"{wire}[{bit}]" if wire else "",
        source=_source(line),
    )


def _options(line: str) -> list[str]:
    return [
        word for name in _FIELDS if (value := _field(line, name)) for word in (f"-{name}", value)
    ]


def _name(cell: str) -> str:
    """A cell's name for people: where it is, and what."""
    place = re.match(r"\$flatten((?:\\[^$]*?\.)+)\$(\w+)", cell)
    return f"{place[1]}{place[2]}".replace("\\", "") if place else cell


def _module(path: Path) -> str:
    text = path.read_text("utf-8")
    return text[text.index("module ") :]


def _weakened(top: str, config: AcceleratorConfig) -> str:
    """The top, in which ``weakened`` switches off what comes before the guards and the marks."""
    bus = config.bus
    page = page_width(bus)
    all_open = "11" + "0" * page + "1" * page  # write, read, not_limit, not_base
    windows = r"\registers.page.windows "
    changes = {
        (
            "scheduler",
            windows,
        ): f"weakened[0] ? {{{bus.windows}{{{2 * page + 2}'b{all_open}}}}} : {windows}"
    }
    rows = {
        "accumulator": r"\engine.storer.r_addr ",
        "scratchpad": r"\engine.executor.row_stream.read ",
    }
    for bit, block in enumerate(MEMORIES, start=1):
        wire = rows[block]
        changes |= {(block, "halt"): f"halt | weakened[{bit}]", (block, wire): f"{wire} ^ strayed"}
    for (block, wire), weak in changes.items():
        start = top.index(f"  {block} {block} (")
        end = top.index(");\n", start)
        if f"({wire})" not in top[start:end]:
            raise RuntimeError(f"{block} must have a port for {wire.strip()}, and has none")
        instance = top[start:end].replace(f"({wire})", f"({weak})")
        top = top[:start] + instance + top[end:]
    return top


def _switched(text: str) -> str:
    """A module without the port that selects a mutant: each has its bit at the top instead."""
    head, body = text.split(";\n", 1)
    head = re.sub(rf", {_CONTROL}\b|(?<=\(){_CONTROL}, ", "", head)
    body = re.sub(rf"^  (input|wire) \[\d+:0\] {_CONTROL};\n", "", body, flags=re.MULTILINE)
    body = re.sub(
        rf"{_CONTROL} == {_WIDTH}'h([0-9a-f]+)",
        lambda found: f"{TOP}.mutant[{int(found[1], 16) - 1}]",
        body,
    )
    if _CONTROL in head + body:
        raise RuntimeError("a mutant must be selected by an equality, and one is not")
    return f"{head};\n{body}"
