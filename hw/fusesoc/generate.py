# SPDX-License-Identifier: Apache-2.0
"""Generator of FuseSoC: the Verilog of a configuration, as a core that depends on nothing.

usage: generate.py FILE, written by FuseSoC: YAML with ``parameters``, ``vlnv`` and ``files_root``
"""

import sys
from pathlib import Path

import yaml

from matwright.artefacts.bundle import bundle
from matwright.commands.common import write_files
from matwright.config import ConfigError, load
from matwright.presets import PRESETS

__all__ = ["main"]

_PARAMETERS = ("config", "family", "bus")


def main(path: str) -> None:
    """Writes the files and their core description into the current folder."""
    request = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    parameters = request.get("parameters") or {}
    for name in parameters:
        if name not in _PARAMETERS:
            sys.exit(f"matwright: error: parameters are {', '.join(_PARAMETERS)}, not {name}")
    wanted = str(parameters.get("config", "tiny"))
    try:
        config = (
            PRESETS[wanted] if wanted in PRESETS else load(Path(request["files_root"]) / wanted)
        )
        family, bus = parameters.get("family", "generic"), parameters.get("bus", "axi")
        files = bundle(config, family, bus)
    except ConfigError as error:
        sys.exit(f"matwright: error: {error}")
    write_files(Path(), files)
    core = {
        "name": request["vlnv"],
        "filesets": {
            "rtl": {"files": [{f"{config.name}.v": {"file_type": "verilogSource"}}]},
        },
        "targets": {"default": {"filesets": ["rtl"]}},
    }
    text = "CAPI=2:\n" + yaml.safe_dump(core, sort_keys=False)
    Path(f"{config.name}.core").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
