# SPDX-License-Identifier: Apache-2.0
"""The C header: compilers take it, and a C program sees what Python sees."""

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from matwright.artefacts.c_header import c_header
from matwright.bus.register_map import REGISTERS, constants
from matwright.config import AcceleratorConfig
from matwright.presets import PRESETS
from matwright.schedule.descriptor import FIELDS, Descriptor, Error, Flag, Opcode

STRICT = ["-Wall", "-Wextra", "-Werror", "-pedantic"]


def _compile(folder: Path, source: str, *, language: str = "c") -> Path:
    compiler, standard = {"c": ("gcc", "-std=c99"), "c++": ("g++", "-std=c++11")}[language]
    assert shutil.which(compiler), f"the tests need {compiler}"
    (folder / "main.c").write_text(source)
    done = subprocess.run(
        [compiler, "-x", language, standard, *STRICT, "-I.", "main.c", "-o", "main"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "main"


def _run(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, timeout=60, check=True).stdout


def _write(folder: Path, *configs: AcceleratorConfig) -> str:
    for config in configs:
        (folder / f"{config.name}.h").write_text(c_header(config))
    return "".join(f'#include "{config.name}.h"\n' for config in configs)


@pytest.mark.parametrize("language", ["c", "c++"])
def test_all_presets_in_one_program(language: str, tmp_path: Path) -> None:
    includes = _write(tmp_path, *PRESETS.values())
    _compile(tmp_path, f"{includes}{includes}int main(void) {{ return 0; }}\n", language=language)


def _expected(config: AcceleratorConfig) -> dict[str, int]:
    expected: dict[str, int] = {}
    for register in REGISTERS:
        expected[f"REG_{register.name}"] = register.offset
        for field in register.fields:
            name = f"REG_{register.name}_{field.name}"
            expected[f"{name}_SHIFT"] = field.low
            expected[f"{name}_MASK"] = sum(1 << field.low + i for i in range(field.width))
    expected |= {f"ERROR_{error.name}": int(error) for error in Error}
    expected |= {f"FLAG_{flag.name}": int(flag) for flag in Flag}
    expected |= {f"OPCODE_{opcode.name}": int(opcode) for opcode in Opcode}
    prefix = f"CONFIG_{config.name.upper()}"
    expected |= {f"{prefix}_REG_{name}": value for name, value in constants(config).items()}
    expected |= {f"{prefix}_ROWS": config.rows, f"{prefix}_COLS": config.cols}
    return expected


def test_a_c_program_sees_the_values_that_python_sees(tmp_path: Path) -> None:
    config = PRESETS["decode"]
    expected = _expected(config)
    prints = "\n".join(f'    printf("{n} %lu\\n", (unsigned long)MATWRIGHT_{n});' for n in expected)
    source = f"#include <stdio.h>\n{_write(tmp_path, config)}int main(void) {{\n{prints}\n"
    out = _run(_compile(tmp_path, source + "    return 0;\n}\n"))
    seen = {name: int(value) for name, value in (line.split() for line in out.splitlines())}
    assert seen == expected


def test_a_descriptor_written_in_c_is_the_packed_one(tmp_path: Path) -> None:
    seed = 3
    print(f"seed {seed}")
    rng = random.Random(seed)
    descriptors = []
    for _ in range(20):
        values = {name: rng.getrandbits(place.width) for name, place in FIELDS.items()}
        values["zero_point"] = rng.randint(-128, 127)
        descriptors.append(Descriptor(**values))
    body = ["struct matwright_descriptor d;", "size_t i;"]
    for descriptor in descriptors:
        body.append("memset(&d, 0, sizeof d);")
        for name, place in FIELDS.items():
            value = getattr(descriptor, name)
            if name.endswith("_panels_log2"):
                shift = f"MATWRIGHT_DESCRIPTOR_{name.upper()}_SHIFT"
                body.append(f"d.panels_log2 = (uint8_t)(d.panels_log2 | {value}u << {shift});")
            else:
                suffix = "" if name == "zero_point" else "ull" if place.width > 32 else "u"
                body.append(f"d.{name} = {value}{suffix};")
        body.append('for (i = 0; i < sizeof d; ++i) printf("%02x", ((unsigned char *)&d)[i]);')
        body.append('printf(" %d\\n", (int)d.zero_point);')
    source = "#include <stdio.h>\n#include <string.h>\n" + _write(tmp_path, PRESETS["tiny"])
    source += "int main(void) {\n" + "\n".join(body) + "\nreturn 0;\n}\n"
    out = _run(_compile(tmp_path, source))
    assert out.splitlines() == [f"{d.pack().hex()} {d.zero_point}" for d in descriptors]
