# SPDX-License-Identifier: Apache-2.0
"""Everything that ``matwright generate`` writes for one configuration, as text."""

from ..config import AcceleratorConfig
from ..emit import to_verilog
from .c_header import c_header
from .manifest import manifest
from .markdown import registers_markdown

__all__ = ["bundle"]


def bundle(config: AcceleratorConfig, family: str = "generic", bus: str = "axi") -> dict[str, str]:
    """Name of each file to its text, the manifest last, as it holds the hashes of the others.

    ``family`` and ``bus`` are those of the Verilog, see :func:`.emit.to_verilog`. The same arguments and
    versions give the same text, to the byte.
    """
    files = {
        f"{config.name}.v": to_verilog(config, family, bus),
        f"{config.name}.h": c_header(config),
        "registers.md": registers_markdown(config),
    }
    return files | {"manifest.json": manifest(config, files, family, bus)}
