# SPDX-License-Identifier: Apache-2.0
"""The Verilog without initial values, in a form that shows who depends on one.

Every register and memory of the generated text has an initial value, as FPGAs load one; flip-flops and
SRAM of a chip have none. Here Yosys takes them all away, and writes every choice as ``?:``, which an
unknown condition leaves unknown where ``if`` and ``case`` would quietly take a branch. A memory that is
written at an unknown place, or perhaps written, is unknown as a whole; what is read of a word in the
cycle in which it may be written is unknown.
"""

import re
import tempfile
from pathlib import Path

from matwright.platform.verilog import SINGLE_PORT_SRAM_VERILOG, SRAM_VERILOG
from matwright_fpga import tools

from . import cache

__all__ = ["READS", "StripError", "stripped"]

READS = ("sram_reads", "sram_reads_unknown")
"""Integers of the module ``watch`` that count the words read from SRAM, and the unknown ones of them."""


class StripError(RuntimeError):
    """The text has a memory in a form that is not known here."""


_SCRIPT = """\
read_verilog -nosynthesis design.v
hierarchy -top {top}
proc -norom
opt_expr -keepdc
opt_clean
delete t:$meminit t:$meminit_v2
pmuxtree
setattr -unset init w:*
write_verilog -noattr stripped.v
"""

_SRAM = """
module {name} (clk, w_en, w_addr, w_data, r_en, r_addr, r_data);
  parameter WIDTH = 8;
  parameter DEPTH = 2;
  parameter ADDR_WIDTH = 1;
  input clk;
  input w_en;
  input [ADDR_WIDTH-1:0] w_addr;
  input [WIDTH-1:0] w_data;
  input r_en;
  input [ADDR_WIDTH-1:0] r_addr;
  output reg [WIDTH-1:0] r_data;

  reg [WIDTH-1:0] memory [0:DEPTH-1];
  integer i;

  always @(posedge clk) begin
    if (w_en === 1'b1 && ^w_addr !== 1'bx) memory[w_addr] <= w_data;
    else if (w_en !== 1'b0) for (i = 0; i < DEPTH; i = i + 1) memory[i] <= {{WIDTH{{1'bx}}}};
    if (r_en === 1'b1) begin
      if (w_en !== 1'b0 && {clash}) r_data <= {{WIDTH{{1'bx}}}};
      else r_data <= memory[r_addr];
      {watch}.sram_reads = {watch}.sram_reads + 1;
      if (^memory[r_addr] === 1'bx) {watch}.sram_reads_unknown = {watch}.sram_reads_unknown + 1;
    end
    else if (r_en !== 1'b0) r_data <= {{WIDTH{{1'bx}}}};
  end
endmodule
"""

# Body in the generated text, and when one port disturbs the other.
_SRAMS = (
    ("sram", SRAM_VERILOG, "(w_addr == r_addr) !== 1'b0"),
    ("single_port_sram", SINGLE_PORT_SRAM_VERILOG, "1'b1"),
)

_INITIAL = re.compile(r"`ifndef SYNTHESIS\n  integer \w+;.*?`endif\n", re.DOTALL)
_MEMORY = re.compile(r"^  reg (?:\[(\d+):0\] )?(\S+) \[(\d+):0\];$", re.MULTILINE)
_NAME = r"[^\s\[]+ ?"
# The bits of a word one after the other, or the word at once.
_WRITE = re.compile(
    rf"(?:^    if \((?P<bits>{_NAME})\[\d+\]\)\n"
    rf"      (?P<memory>{_NAME})\[(?P<addr>{_NAME})\]\[\d+:\d+\] <= (?P<data>{_NAME})\[\d+\];\n)+"
    rf"|(?:^    if \((?P<enable>[^\n]+)\)\n  )?"
    rf"^    (?P<word>{_NAME})\[(?P<word_addr>[^\n]+)\] <= (?P<word_data>[^\n]+);\n",
    re.MULTILINE,
)


def stripped(verilog: str, top: str, watch: str = "") -> str:
    """``verilog``, whose top module is ``top``, without initial values.

    For a 4-state simulator ``watch`` is the module at its top, which has the integers :data:`READS`.
    Without it the text is for a simulator that draws values for what is unknown. Raises
    :class:`StripError`, and :class:`matwright_fpga.errors.ToolError` without Yosys.
    """
    srams = ""
    for kind, body, clash in _SRAMS:
        name = f"{top}_{kind}"
        text = body.format(name=name)
        if text in verilog:
            verilog = verilog.replace(text, "")
            srams += (
                _SRAM.format(name=name, clash=clash, watch=watch)
                if watch
                else _INITIAL.sub("", text)
            )
    yosys = tools.find_tool("yosys")
    script = _SCRIPT.format(top=top)

    def make(folder: Path) -> None:
        with tempfile.TemporaryDirectory(prefix="matwright-strip-") as name:
            work = Path(name)
            (work / "design.v").write_text(verilog, encoding="utf-8", newline="\n")
            (work / "strip.ys").write_text(script, encoding="utf-8", newline="\n")
            tools.run(yosys, ["-q", "strip.ys"], work, "strip.log")
            text = (work / "stripped.v").read_text(encoding="utf-8")
        text = _strict(text) if watch else text
        (folder / "stripped.v").write_text(text, encoding="utf-8", newline="\n")

    named = cache.key(verilog, script, str(bool(watch)), yosys.version, Path(__file__).read_bytes())
    return (cache.entry("stripped", named, make) / "stripped.v").read_text("utf-8") + srams


def _strict(text: str) -> str:
    """``text`` with memories that become unknown when nobody knows where they are written."""
    return re.sub(
        r"^module .*?^endmodule$",
        lambda module: _strict_module(module[0]),
        text,
        flags=re.MULTILINE | re.DOTALL,
    )


def _strict_module(module: str) -> str:
    sizes = {
        name: (int(high or 0) + 1, int(last) + 1) for high, name, last in _MEMORY.findall(module)
    }
    if not sizes:
        return module

    def write(found: re.Match[str]) -> str:
        name = (found["memory"] or found["word"]).strip()
        if name not in sizes:
            return found[0]
        width, depth = sizes.pop(name)
        if found["memory"]:
            addr, bits = found["addr"], found["bits"]
            enable = f"|{bits}"
            data = f"({name} [{addr}] & ~{bits}) | ({found['data']} & {bits})"
            vague = f"^{bits} === 1'bx"
        else:
            addr, data = found["word_addr"], found["word_data"]
            enable = found["enable"] or "1'b1"
            vague = f"({enable}) === 1'bx"
        return (
            f"    if ({vague} || (({enable}) && ^{addr} === 1'bx))\n"
            f"      for (unknown = 0; unknown < {depth}; unknown = unknown + 1)\n"
            f"        {name} [unknown] <= {{{width}{{1'bx}}}};\n"
            f"    else if ({enable})\n"
            f"      {name} [{addr}] <= {data};\n"
        )

    strict = _WRITE.sub(write, module)
    if sizes:
        raise StripError(f"the one write of memory {next(iter(sizes))} must be found, and is not")
    return strict.replace(";\n", ";\n  integer unknown;\n", 1)
