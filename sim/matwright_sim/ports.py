# SPDX-License-Identifier: Apache-2.0
"""Names and widths of the ports of Verilog modules, read from the text.

For the flat text that Yosys writes and hand-written modules alike: port declarations in the header
or in the body, ranges that are numbers. Not a parser of Verilog.
"""

import re

__all__ = ["modules"]

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_MODULE = re.compile(r"^\s*module\s+([A-Za-z_]\w*)\b(.*?)^\s*endmodule\b", re.DOTALL | re.MULTILINE)
_DECLARATION = re.compile(
    r"\b(?:input|output|inout)\b((?:\s*\b(?:wire|reg|signed)\b)*)\s*(?:\[\s*(\d+)\s*:\s*(\d+)\s*\])?"
    r"(.*?)(?=\b(?:input|output|inout)\b|[;)])",
    re.DOTALL,
)
_NAME = re.compile(r"^\s*([A-Za-z_]\w*)")


def modules(verilog: str) -> dict[str, dict[str, int]]:
    """Width of each port of each module that has a plain name, in the order of the text."""
    found: dict[str, dict[str, int]] = {}
    for name, body in _MODULE.findall(_COMMENT.sub(" ", verilog)):
        ports = found.setdefault(name, {})
        for _, high, low, names in _DECLARATION.findall(body):
            width = abs(int(high) - int(low)) + 1 if high else 1
            for word in names.split(","):
                if match := _NAME.match(word):
                    ports[match[1]] = width
    return found
