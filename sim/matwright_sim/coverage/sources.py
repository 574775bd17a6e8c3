# SPDX-License-Identifier: Apache-2.0
"""The line of Python that a line of generated Verilog comes from."""

import re
from pathlib import Path

import matwright
from matwright.config import AcceleratorConfig
from matwright.emit import to_verilog, without_sources

__all__ = ["python_lines"]

_SOURCE = re.compile(r'\(\* src = "([^"]*)" \*\)')


def python_lines(config: AcceleratorConfig, verilog: str) -> list[str]:
    """For each line of ``verilog``, which is that of ``config``, its ``file:line``; empty if there is none.

    None at all if the generator does not give this text.
    """
    text = to_verilog(config, sources=True)
    if without_sources(text) != verilog:
        return []
    root = f"{Path(matwright.__file__).parent.parent}/"
    found: list[str] = []
    above = ""
    for line in text.splitlines():
        places = _SOURCE.findall(line)
        if places and not _SOURCE.sub("", line).strip():
            above = places[-1]
            continue
        found.append((places[-1] if places else above).removeprefix(root))
        above = ""
    return found
