# SPDX-License-Identifier: Apache-2.0
"""The configuration: what an accelerator computes, and how it is built.

``Precision``, the array's shape, ``Sram``, ``Bus`` and ``Limits`` say *what*; ``Build`` says *how*.
Numerical results depend on ``Precision`` alone. Every object is frozen and checks itself where it
is made; a value that is refused raises :class:`ConfigError` with one sentence that names the field,
the rule and the value.
"""

import dataclasses
import hashlib
import json
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

__all__ = [
    "AcceleratorConfig",
    "Build",
    "Bus",
    "ConfigError",
    "Limits",
    "Precision",
    "Sram",
    "ceil_div",
    "ceil_pow2",
    "floor_pow2",
    "load",
]

LARGEST_REQUEST = (1 << 20) - 1
"""Most beats that an engine asks for at once."""

POST_MULTIPLIERS = ("parallel", "serial")
"""Values of ``build.post_multiplier``."""

SRAM_PROTECTIONS = ("none", "parity", "secded")
"""Values of ``build.sram_protection``, in the order of their numbers in the register BUILD."""

DESCRIPTOR_BYTES = 64
"""Bytes of a descriptor."""

PARAMETER_BYTES = 8
"""Bytes of one column's entry in a parameter table: int32 bias, then the scale word."""


class ConfigError(ValueError):
    """A configuration was refused; the message names the field, the rule and the value."""


def ceil_div(a: int, b: int) -> int:
    """Smallest integer >= a / b, for a >= 0 and b >= 1."""
    return -(-a // b)


def ceil_pow2(value: int) -> int:
    """Smallest power of two >= value, for value >= 1."""
    return 1 << (value - 1).bit_length()


def floor_pow2(value: int) -> int:
    """Largest power of two <= value, for value >= 1."""
    return 1 << (value.bit_length() - 1)


def _integer(name: str, value: object, low: int, high: int, *, pow2: bool = False) -> None:
    rule = f"an integer from {low} to {high}"
    if pow2:
        rule = f"a power of two from {low} to {high}"
    legal = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
    if not legal or (pow2 and value & (value - 1)):  # type: ignore[operator]
        raise ConfigError(f"{name} must be {rule}, not {value!r}")


@dataclass(frozen=True, kw_only=True)
class Precision:
    """Widths of the arithmetic, in bits. A and B are two's complement."""

    a_width: int = 8
    """Width of an activation (an element of A)."""
    b_width: int = 8
    """Width of a weight (an element of B)."""
    acc_width: int = 32
    """Width of an accumulator; sums wrap modulo ``2**acc_width``."""

    def __post_init__(self) -> None:
        _integer("precision.a_width", self.a_width, 2, 16)
        _integer("precision.b_width", self.b_width, 2, 16)
        _integer("precision.acc_width", self.acc_width, 4, 32)
        if self.acc_width < self.product_width:
            raise ConfigError(
                f"precision.acc_width must hold one product of {self.a_width} x {self.b_width} bits, "
                f"so it must be at least {self.product_width}, not {self.acc_width}"
            )

    @property
    def product_width(self) -> int:
        """Width of one product, in bits."""
        return self.a_width + self.b_width

    @property
    def a_bytes(self) -> int:
        """Bytes that one element of A takes in memory: 1 up to 8 bits, else 2."""
        return ceil_div(self.a_width, 8)

    @property
    def b_bytes(self) -> int:
        """Bytes that one element of B takes in memory: 1 up to 8 bits, else 2."""
        return ceil_div(self.b_width, 8)

    @property
    def max_depth(self) -> int:
        """Largest K for which no K-term dot product can overflow an accumulator."""
        return (2 ** (self.acc_width - 1) - 1) // 2 ** (self.product_width - 2)

    def psum_width(self, terms: int) -> int:
        """Width of the sum of ``terms`` products, in bits."""
        largest = terms * 2 ** (self.product_width - 2)
        return largest.bit_length() + 1


@dataclass(frozen=True, kw_only=True)
class Sram:
    """Sizes of the on-chip memories, in the units the machine works in."""

    activation_rows: int = 2048
    """Vectors of ``rows`` activations, both halves together."""
    weight_tiles: int = 64
    """Tiles of ``rows`` x ``cols`` weights in the weight ring."""
    accumulator_rows: int = 512
    """Vectors of ``cols`` accumulators in each of the two banks."""
    column_panels: int = 16
    """Most panels of ``cols`` columns that one output block may have."""

    def __post_init__(self) -> None:
        _integer("sram.activation_rows", self.activation_rows, 4, 1 << 20, pow2=True)
        _integer("sram.weight_tiles", self.weight_tiles, 2, 1 << 16, pow2=True)
        _integer("sram.accumulator_rows", self.accumulator_rows, 2, 1 << 16, pow2=True)
        _integer("sram.column_panels", self.column_panels, 1, 256, pow2=True)
        if self.column_panels > self.weight_tiles:
            raise ConfigError(
                "sram.column_panels must not exceed sram.weight_tiles "
                f"({self.weight_tiles}), because the weights of one step are loaded together, "
                f"not {self.column_panels}"
            )
        if self.column_panels > self.accumulator_rows:
            raise ConfigError(
                "sram.column_panels must not exceed sram.accumulator_rows "
                f"({self.accumulator_rows}), because each panel takes a row, "
                f"not {self.column_panels}"
            )


@dataclass(frozen=True, kw_only=True)
class Bus:
    """The AXI4 master."""

    data_width: int = 64
    """Bits of a data beat."""
    addr_width: int = 32
    """Bits of a byte address."""
    max_burst: int = 32
    """Most beats of a burst."""
    outstanding: int = 16
    """Most read bursts, and most write bursts, in flight."""
    windows: int = 4
    """Windows of memory that the host can open for the machine; all else is out of its reach."""

    def __post_init__(self) -> None:
        _integer("bus.data_width", self.data_width, 32, 512, pow2=True)
        _integer("bus.windows", self.windows, 2, 8)
        _integer("bus.addr_width", self.addr_width, 16, 48)
        _integer("bus.max_burst", self.max_burst, 1, 256, pow2=True)
        _integer("bus.outstanding", self.outstanding, 1, 64, pow2=True)
        if self.max_burst * self.bytes > 4096:
            raise ConfigError(
                f"bus.max_burst must be at most {4096 // self.bytes} beats of {self.bytes} bytes, "
                f"because no burst may cross 4 KiB, not {self.max_burst}"
            )

    @property
    def bytes(self) -> int:
        """Bytes of a data beat."""
        return self.data_width // 8


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Largest sizes of one GEMM that a descriptor may ask for."""

    max_m: int = (1 << 20) - 1
    max_n: int = (1 << 20) - 1
    max_k: int = 131_071

    def __post_init__(self) -> None:
        for name in ("max_m", "max_n", "max_k"):
            _integer(f"limits.{name}", getattr(self, name), 1, (1 << 24) - 1)


@dataclass(frozen=True, kw_only=True)
class Build:
    """How the machine is built. Changes cycles, area and frequency, never a result."""

    product_registers: int = 1
    """Registers between a multiplier and the partial-sum adder, 1 or 2."""
    sram_registers: int = 0
    """Registers before the input and behind the output of each SRAM, 0 or 1."""
    activation_ports: int = 2
    """Ports of the activation scratchpad's memories: 2, or 1, which large on-chip RAMs of FPGAs have and
    which is smaller on a chip: each half then has memories of its own."""
    post_lanes: int = 4
    """Columns that post-processing takes per cycle."""
    descriptors: int = 4
    """Descriptors under way at once: 4 (one each is fetched, loaded, executed, stored), or 1, which is
    smaller."""
    post_multiplier: str = "parallel"
    """How post-processing multiplies: ``parallel``, ``post_lanes`` elements per cycle, or ``serial``,
    one lane and a bit per cycle, without a multiplier."""
    post_registers: int = 0
    """Registers around the parallel multipliers of post-processing, and a queue behind, 0 or 1."""
    request_registers: int = 0
    """Registers on the way of a request to the bus, 0 to 2: of the request, and of its bursts. From 1
    on also between the dispatcher and the engines."""
    counters: bool = True
    """Performance counters are built."""
    sram_protection: str = "none"
    """Check bits of each word of on-chip memory: ``none``, ``parity`` (a flipped bit stops the
    program) or ``secded`` (one flipped bit is corrected, two stop the program)."""
    unsafe_unchecked: bool = False
    """Leave out windows and all error checks, which shows what they cost. Never for use."""

    def __post_init__(self) -> None:
        _integer("build.product_registers", self.product_registers, 1, 2)
        _integer("build.sram_registers", self.sram_registers, 0, 1)
        _integer("build.activation_ports", self.activation_ports, 1, 2)
        _integer("build.post_lanes", self.post_lanes, 1, 64, pow2=True)
        if type(self.descriptors) is not int or self.descriptors not in (1, 4):
            raise ConfigError(f"build.descriptors must be 1 or 4, not {self.descriptors!r}")
        _integer("build.post_registers", self.post_registers, 0, 1)
        _integer("build.request_registers", self.request_registers, 0, 2)
        for name in ("counters", "unsafe_unchecked"):
            value = getattr(self, name)
            if not isinstance(value, bool):
                raise ConfigError(f"build.{name} must be true or false, not {value!r}")
        if self.post_multiplier not in POST_MULTIPLIERS:
            raise ConfigError(
                f"build.post_multiplier must be one of {', '.join(POST_MULTIPLIERS)}, "
                f"not {self.post_multiplier!r}"
            )
        if self.post_multiplier == "serial" and self.post_lanes != 1:
            raise ConfigError(
                f"build.post_lanes must be 1 with a serial multiplier, not {self.post_lanes}"
            )
        if self.sram_protection not in SRAM_PROTECTIONS:
            raise ConfigError(
                f"build.sram_protection must be one of {', '.join(SRAM_PROTECTIONS)}, "
                f"not {self.sram_protection!r}"
            )

    @property
    def queued_results(self) -> bool:
        """Whether results go to a queue in which each has its place, so that nothing before it waits."""
        return self.post_registers > 0 and self.post_multiplier == "parallel"

    @property
    def results_wait(self) -> bool:
        """Whether what is read to be stored may have to wait in registers of the memories."""
        return self.sram_registers > 0 and not self.queued_results

    @property
    def protected(self) -> bool:
        """Whether words of on-chip memory have check bits."""
        return self.sram_protection != "none"


@dataclass(frozen=True, kw_only=True)
class AcceleratorConfig:
    """One accelerator. ``rows`` is the contraction side (K), ``cols`` the output side (N)."""

    name: str = "custom"
    """Name of the configuration; prefixes the names of the Verilog modules."""
    rows: int
    """Rows of the array: elements of K that one pass takes."""
    cols: int
    """Columns of the array: elements of N that one pass makes."""
    load_rows: int = 1
    """Weight rows loaded into the array per cycle (f); a power of two that divides ``rows``."""
    precision: Precision = field(default_factory=Precision)
    sram: Sram = field(default_factory=Sram)
    bus: Bus = field(default_factory=Bus)
    limits: Limits = field(default_factory=Limits)
    build: Build = field(default_factory=Build)

    def __post_init__(self) -> None:
        name = self.name
        if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
            raise ConfigError(
                f"name must be an identifier of ASCII letters, digits and _, not {name!r}"
            )
        _integer("rows", self.rows, 1, 256)
        _integer("cols", self.cols, 1, 256)
        _integer("load_rows", self.load_rows, 1, self.rows, pow2=True)
        if self.rows % self.load_rows:
            raise ConfigError(f"load_rows must divide rows ({self.rows}), not {self.load_rows}")
        for section in _SECTIONS:
            value = getattr(self, section)
            if not isinstance(value, _SECTIONS[section]):
                raise ConfigError(
                    f"{section} must be a {_SECTIONS[section].__name__}, not {value!r}"
                )
        self._check_widths()
        self._check_capacities()

    def _check_widths(self) -> None:
        beat = self.bus.bytes
        if self.tile_bytes % beat:
            widest = 8 * (self.tile_bytes & -self.tile_bytes)
            raise ConfigError(
                f"bus.data_width must be at most {widest} bits, so that a weight tile of "
                f"{self.tile_bytes} bytes is whole beats, not {self.bus.data_width}"
            )
        panel = PARAMETER_BYTES * self.col_pitch
        if panel % beat:
            raise ConfigError(
                f"bus.data_width must be at most {8 * panel} bits, the parameters of one panel of "
                f"columns, not {self.bus.data_width}"
            )
        if self.build.post_lanes > min(self.col_pitch, beat):
            raise ConfigError(
                f"build.post_lanes must be at most {min(self.col_pitch, beat)}, the columns of the "
                f"array and the bytes of a beat, not {self.build.post_lanes}"
            )

    def _check_capacities(self) -> None:
        if self.limits.max_k > self.precision.max_depth:
            raise ConfigError(
                f"limits.max_k must be at most {self.precision.max_depth}, the largest K whose sum "
                f"fits precision.acc_width ({self.precision.acc_width}), not {self.limits.max_k}"
            )
        if self.sram.activation_rows < 2 * self.panels_per_activation_word:
            raise ConfigError(
                f"sram.activation_rows must be at least {2 * self.panels_per_activation_word}, "
                f"two beats of {self.bus.bytes} bytes, not {self.sram.activation_rows}"
            )
        # The longest requests, see longest_read.
        words = LARGEST_REQUEST // self.beats_per_activation_word
        most_rows = floor_pow2(2 * words * self.panels_per_activation_word)
        if self.sram.activation_rows > most_rows:
            raise ConfigError(
                f"sram.activation_rows must be at most {most_rows}, so that a row of a chunk is at most "
                f"{LARGEST_REQUEST} beats, not {self.sram.activation_rows}"
            )
        most_panels = floor_pow2(LARGEST_REQUEST * self.bus.bytes // self.tile_bytes)
        if self.sram.column_panels > most_panels:
            raise ConfigError(
                f"sram.column_panels must be at most {most_panels}, so that the weights of one step are at "
                f"most {LARGEST_REQUEST} beats, not {self.sram.column_panels}"
            )
        if self.sram.column_panels * self.col_pitch < self.bus.bytes:
            raise ConfigError(
                f"sram.column_panels must be at least {self.bus.bytes // self.col_pitch}, so that "
                f"an output row fills a beat of {self.bus.bytes} bytes, not {self.sram.column_panels}"
            )

    # Shapes in memory. A pitch is a side padded to a power of two, so that panels stay aligned.

    @property
    def row_pitch(self) -> int:
        """Elements of A between panels of K in memory: ``rows`` padded to a power of two."""
        return ceil_pow2(self.rows)

    @property
    def col_pitch(self) -> int:
        """Elements of B and D between panels of N in memory: ``cols`` padded to a power of two."""
        return ceil_pow2(self.cols)

    @property
    def panel_bytes(self) -> int:
        """Bytes of one panel of one row of A."""
        return self.row_pitch * self.precision.a_bytes

    @property
    def tile_bytes(self) -> int:
        """Bytes of one packed weight tile in memory."""
        return self.rows * self.col_pitch * self.precision.b_bytes

    # Shapes on chip.

    @property
    def load_cycles(self) -> int:
        """Cycles that loading one weight tile into the array takes."""
        return self.rows // self.load_rows

    @property
    def panels_per_activation_word(self) -> int:
        """Panels of a row of A that one word of the activation scratchpad holds."""
        return max(1, self.bus.bytes // self.panel_bytes)

    @property
    def beats_per_activation_word(self) -> int:
        """Beats that fill one word of the activation scratchpad."""
        return max(1, self.panel_bytes // self.bus.bytes)

    @property
    def activation_words(self) -> int:
        """Words of one half of the activation scratchpad."""
        return self.sram.activation_rows // self.panels_per_activation_word // 2

    @property
    def longest_read(self) -> int:
        """Most beats that are asked for at once: a row of a chunk of A, or the weights or the parameters
        of all column panels of one step, or a descriptor."""
        panel = max(self.tile_bytes, PARAMETER_BYTES * self.col_pitch)
        return max(
            self.activation_words * self.beats_per_activation_word,
            self.sram.column_panels * panel // self.bus.bytes,
            DESCRIPTOR_BYTES // self.bus.bytes,
        )

    @property
    def longest_write(self) -> int:
        """Most beats of a row of a block of D: all column panels, four bytes an element."""
        return ceil_div(4 * self.sram.column_panels * self.col_pitch, self.bus.bytes)

    @property
    def steps_per_weight_word(self) -> int:
        """Load steps (``load_rows`` weight rows) that one word of the weight ring holds."""
        step = self.load_rows * self.col_pitch * self.precision.b_bytes
        return max(1, self.bus.bytes // step)

    @property
    def beats_per_weight_word(self) -> int:
        """Beats that fill one word of the weight ring."""
        step = self.load_rows * self.col_pitch * self.precision.b_bytes
        return max(1, step // self.bus.bytes)

    @property
    def peak_macs(self) -> int:
        """Multiply-accumulates per cycle at full use."""
        return self.rows * self.cols

    @property
    def sram_bytes(self) -> dict[str, int]:
        """Bytes of each on-chip memory."""
        acc = self.sram.accumulator_rows * self.cols * ceil_div(self.precision.acc_width, 8)
        params = 2 * self.sram.column_panels * self.col_pitch * PARAMETER_BYTES
        return {
            "activation": self.sram.activation_rows * self.rows * self.precision.a_bytes,
            "weight": self.sram.weight_tiles * self.rows * self.cols * self.precision.b_bytes,
            "accumulator": 2 * acc,
            "parameter": params,
        }

    # TOML and JSON.

    def to_dict(self) -> dict[str, Any]:
        """Nested plain dictionary, every field present."""
        return dataclasses.asdict(self)

    def to_toml(self) -> str:
        """TOML text that :meth:`from_toml` reads back to an equal configuration."""
        data = self.to_dict()
        plain = {k: v for k, v in data.items() if not isinstance(v, dict)}
        lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items()]
        for section in _SECTIONS:
            lines += ["", f"[{section}]"]
            lines += [f"{k} = {json.dumps(v)}" for k, v in data[section].items()]
        return "\n".join(lines) + "\n"

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Configuration from a nested dictionary; fields left out take their defaults."""
        known = {f.name for f in fields(cls)}
        values: dict[str, Any] = {}
        for key, value in data.items():
            if key not in known:
                raise ConfigError(
                    f"{key} is not a field; the fields are {', '.join(sorted(known))}"
                )
            if key in _SECTIONS:
                values[key] = _section(key, _SECTIONS[key], value)
            else:
                values[key] = value
        for key in ("rows", "cols"):
            if key not in values:
                raise ConfigError(f"{key} must be given")
        return cls(**values)

    @classmethod
    def from_toml(cls, text: str) -> Self:
        """Configuration from TOML text; raises :class:`ConfigError` on text that is not TOML."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"the text must be TOML: {error}") from error
        return cls.from_dict(data)

    @property
    def digest(self) -> str:
        """SHA-256 of the configuration, in hexadecimal."""
        return hashlib.sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()


_SECTIONS: dict[str, type] = {
    "precision": Precision,
    "sram": Sram,
    "bus": Bus,
    "limits": Limits,
    "build": Build,
}


def _section(name: str, kind: type, value: object) -> Any:
    if not isinstance(value, dict):
        raise ConfigError(f"{name} must be a table, not {value!r}")
    known = [f.name for f in fields(kind)]
    for key in value:
        if key not in known:
            raise ConfigError(f"{name}.{key} is not a field; the fields are {', '.join(known)}")
    return kind(**value)


def load(path: Path) -> AcceleratorConfig:
    """Configuration from a TOML file; errors name the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read: {error}") from error
    try:
        return AcceleratorConfig.from_toml(text)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
