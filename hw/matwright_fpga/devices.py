# SPDX-License-Identifier: Apache-2.0
"""The families and devices that the open tools place for, as data.

Capacities are those by which nextpnr 0.11 places. They exceed the data sheet where a smaller
device is sold on a larger die, of which the open tools use all (LFE5U-12F, iCE40 HX4K).
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from .errors import DeviceError
from .floorplan import Blocks

__all__ = [
    "FAMILIES",
    "RESOURCES",
    "Bitstream",
    "Device",
    "Family",
    "Resource",
    "find_device",
    "with_package",
]

RESOURCES = ("comb", "ff", "dsp", "bram", "spram")
"""Names of the resources, in the order in which they are told."""


@dataclass(frozen=True)
class Resource:
    """One kind of thing that devices of a family have a number of."""

    label: str
    """Heading in tables."""
    plural: str
    """What several are called in a sentence."""
    netlist: Mapping[str, int]
    """Pattern of cell types of Yosys, and the least that one such cell takes."""
    placed: Mapping[str, int] = field(default_factory=dict)
    """Cell types of nextpnr's report, and what one counts for; none: counted in the netlist."""

    def in_netlist(self, cells: Mapping[str, int]) -> int:
        """Least that ``cells``, numbers by type of Yosys, take."""
        return sum(
            count * units
            for kind, count in cells.items()
            for pattern, units in self.netlist.items()
            if fnmatchcase(kind, pattern)
        )


@dataclass(frozen=True)
class Device:
    """One device of a family in its usual package, by the words that the tools know it by."""

    name: str
    arguments: tuple[str, ...]
    """Of nextpnr; ``{speed}`` stands for the grade."""
    capacity: Mapping[str, int]
    """By names of :data:`RESOURCES`; one that is missing, the device does not have."""
    speeds: Mapping[str, str] = field(default_factory=dict)
    """Speed grades, and how each stands in the arguments; none: the device is of one grade."""
    speed: str = ""
    """Speed grade where none is asked for."""
    synthesis: str = ""
    """Options of Yosys' synthesis command beyond the family's."""
    blocks: Blocks | None = None
    """Where its multipliers are, for :func:`.floorplan`; None: nextpnr places them."""

    def placer_arguments(self, speed: str) -> list[str]:
        """Arguments that name the device at one of its speed grades, ``""`` if it has none."""
        return [text.format(speed=self.speeds.get(speed, "")) for text in self.arguments]


def with_package(device: Device, package: str) -> Device:
    """``device`` in another package, which changes its pins and nothing else."""
    at = device.arguments.index("--package") + 1
    arguments = (*device.arguments[:at], package, *device.arguments[at + 1 :])
    return dataclasses.replace(device, arguments=arguments)


@dataclass(frozen=True)
class Bitstream:
    """How pins are told to a family's nextpnr, and how a bitstream is made of what it puts out."""

    constraints: str
    """Ending of a file of constraints, and nextpnr's option for it."""
    routed: str
    """Ending of the file with what is routed, and nextpnr's option for it."""
    packer: str
    """The tool that makes the bitstream."""
    pll: str
    """The tool that finds settings of the PLL."""
    suffix: str
    """Ending of the bitstream."""
    memory: str
    """Resource that the memory of a system is made of."""
    memory_bytes: int
    """Bytes of one of it."""


@dataclass(frozen=True)
class Family:
    """Devices that are synthesized and placed alike."""

    name: str
    synthesis: str
    """Yosys' synthesis command."""
    placer: str
    """Name of the nextpnr for the family."""
    resources: Mapping[str, Resource]
    """By names of :data:`RESOURCES`."""
    devices: Mapping[str, Device]
    frequency: int
    """Clock in MHz that is asked for where none is given."""
    before_synthesis: tuple[str, ...] = ()
    """Commands of Yosys."""
    before_registers: tuple[str, ...] = ()
    """Commands of Yosys between synthesis and the mapping of registers."""
    placing: tuple[str, ...] = ()
    """Options of nextpnr."""
    placing_whole: tuple[str, ...] = ()
    """Further ones for a whole accelerator, whose parts are far from each other."""
    out_of_context: tuple[str, ...] = ()
    """Options by which nextpnr leaves the ports of the top unconnected; without any, the ports are
    taken off the netlist."""
    notes: Mapping[str, str] = field(default_factory=dict)
    """Pattern of cell types of Yosys, and what is to be said of results with such cells."""
    bitstream: Bitstream | None = None
    """None: bitstreams are not made here."""

    def remarks(self, cells: Mapping[str, int]) -> list[str]:
        """What is to be said of results with ``cells``, numbers by type of Yosys."""
        return [
            note
            for pattern, note in self.notes.items()
            if any(fnmatchcase(kind, pattern) for kind, count in cells.items() if count)
        ]


def _devices(*devices: Device) -> dict[str, Device]:
    return {device.name: device for device in devices}


_SIX_TO_EIGHT = {"6": "6", "7": "7", "8": "8"}


# As the database of nextpnr 0.11 has them.
_ECP5_85 = Blocks(
    rows=(10, 34, 58),
    columns=(*range(4, 59, 9), *range(69, 115, 9)),
    multipliers=(0, 1, 4, 5),
)


def _ecp5(name: str, comb: int, dsp: int, bram: int) -> Device:
    return Device(
        name,
        (f"--{name}", "--package", "CABGA381", "--speed", "{speed}"),
        {"comb": comb, "ff": comb, "dsp": dsp, "bram": bram},
        {"8": "8"} if name.startswith("um5g") else _SIX_TO_EIGHT,
        "8" if name.startswith("um5g") else "6",
        blocks=_ECP5_85 if name.endswith("85k") else None,
    )


_ECP5 = Family(
    name="ecp5",
    synthesis="synth_ecp5",
    placer="nextpnr-ecp5",
    resources={
        "comb": Resource(
            "COMB",
            "logic cells (TRELLIS_COMB)",
            {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 6},
            {"TRELLIS_COMB": 1},
        ),
        "ff": Resource("FF", "flip-flops", {"TRELLIS_FF": 1}, {"TRELLIS_FF": 1}),
        "dsp": Resource("DSP", "multipliers (MULT18X18D)", {"MULT18X18D": 1}, {"MULT18X18D": 1}),
        "bram": Resource(
            "BRAM", "block RAMs (DP16KD)", {"DP16KD": 1, "PDPW16KD": 1}, {"DP16KD": 1}
        ),
    },
    devices=_devices(
        _ecp5("12k", 24288, 28, 56),
        _ecp5("25k", 24288, 28, 56),
        _ecp5("45k", 43848, 72, 108),
        _ecp5("85k", 83640, 156, 208),
        _ecp5("um5g-25k", 24288, 28, 56),
        _ecp5("um5g-45k", 43848, 72, 108),
        _ecp5("um5g-85k", 83640, 156, 208),
    ),
    frequency=200,
    # Over six parts of an 8 x 8, medians of three seeds: 0 to 7 % faster than ABC9's usual script,
    # with 3 % fewer cells. -dff on top loses 9 % where registers follow block RAM.
    before_synthesis=("scratchpad -copy abc9.script.flow3mfs abc9.script",),
    # Wires are what limits: all of an 8 x 8 was at 112 MHz with the usual weight, 10 with an exponent of
    # 2, at 122 with 30 and 4, and at 133 with these, in 1.6 times the time (one seed each). An array alone
    # is at 247 with the usual and at 216 with these (medians of five).
    placing_whole=("--placer-heap-timingweight", "100", "--placer-heap-critexp", "4"),
    out_of_context=("--out-of-context",),
    bitstream=Bitstream("lpf", "textcfg", "ecppack", "ecppll", "bit", "bram", 2048),
)


def _ice40(
    name: str, package: str, cells: int, bram: int, *, dsp: int = 0, spram: int = 0
) -> Device:
    ultra = {"dsp": dsp, "spram": spram} if dsp else {}
    return Device(
        name,
        (f"--{name}", "--package", package),
        {"comb": cells, "ff": cells, "bram": bram} | {k: v for k, v in ultra.items() if v},
        # Without -dsp: multipliers are few, and those of the array are placed by hand.
        synthesis="-device u" if dsp else f"-device {name[:2]}",
    )


_ICE40 = Family(
    name="ice40",
    synthesis="synth_ice40",
    placer="nextpnr-ice40",
    resources={
        "comb": Resource("LC", "logic cells (LC)", {"SB_LUT4": 1}, {"ICESTORM_LC": 1}),
        # A flip-flop is part of a logic cell, with or without a LUT before it.
        "ff": Resource("FF", "flip-flops", {"SB_DFF*": 1}),
        "dsp": Resource("DSP", "multipliers (SB_MAC16)", {"SB_MAC16": 1}, {"ICESTORM_DSP": 1}),
        "bram": Resource(
            "BRAM", "block RAMs (SB_RAM40_4K)", {"SB_RAM40_4K*": 1}, {"ICESTORM_RAM": 1}
        ),
        "spram": Resource(
            "SPRAM",
            "single-port RAMs (SB_SPRAM256KA)",
            {"SB_SPRAM256KA": 1},
            {"ICESTORM_SPRAM": 1},
        ),
    },
    devices=_devices(
        _ice40("hx1k", "tq144", 1280, 16),
        _ice40("hx4k", "tq144", 7680, 32),
        _ice40("hx8k", "ct256", 7680, 32),
        _ice40("lp1k", "qn84", 1280, 16),
        _ice40("lp8k", "cm81", 7680, 32),
        _ice40("u4k", "sg48", 3520, 20, dsp=4),
        _ice40("up5k", "sg48", 5280, 30, dsp=8, spram=4),
    ),
    frequency=40,
    # Over five parts of a 4 x 4 on an UP5K: 2 % fewer logic cells than ABC9's usual script, as fast.
    before_synthesis=("scratchpad -copy abc9.script.flow2 abc9.script",),
    # The eight registers of a tile share enable and reset: of those that fewer than 9 have, logic is made.
    # In the system of `tiny` 74 pairs of them are left of 217, and 86 % of an UP5K are routed at all.
    before_registers=(
        "dfflegalize -mince 9 -minsrst 9"
        + "".join(f" -cell $_{name}_ 0" for name in ("DFF_?", "DFFE_?P", "DFF_?P?", "DFFE_?P?P"))
        + " -cell $_SDFF_?P?_ 0 -cell $_SDFFCE_?P?P_ 0 -cell $_DLATCH_?_ x",
    ),
    # The usual router takes forever where little is left.
    placing=("--router", "router2"),
    notes={"SB_MAC16": "nextpnr times a multiplier (SB_MAC16) at its ports, not inside"},
    bitstream=Bitstream("pcf", "asc", "icepack", "icepll", "bin", "spram", 32768),
)


def _nexus(name: str, package: str, comb: int, nines: int, bram: int, lram: int) -> Device:
    return Device(
        name,
        ("--device", f"{name.upper()}-{{speed}}{package}"),
        {"comb": comb, "ff": comb, "dsp": nines, "bram": bram, "spram": lram},
        {"7": "7", "8": "8", "9": "9"},
        "9",
        synthesis="-family lfd2nx" if name.startswith("lfd2nx") else "",
    )


_NEXUS = Family(
    name="nexus",
    synthesis="synth_nexus -noiopad",
    placer="nextpnr-nexus",
    resources={
        "comb": Resource(
            "COMB",
            "logic cells (OXIDE_COMB)",
            {"LUT4": 1, "CCU2": 2, "WIDEFN9": 2, "DPR16X4": 6},
            {"OXIDE_COMB": 1},
        ),
        "ff": Resource("FF", "flip-flops", {"FD1P3*": 1}, {"OXIDE_FF": 1}),
        "dsp": Resource(
            "DSP9",
            "9x9 multipliers (MULT9)",
            {
                "MULT9X9": 1,
                "MULTPREADD9X9": 1,
                "MULT18X18": 2,
                "MULTPREADD18X18": 2,
                "MULTADDSUB18X18": 2,
                "MULTADDSUB9X9WIDE": 4,
                "MULT18X36": 4,
                "MULTADDSUB18X18WIDE": 4,
                "MULTADDSUB18X36": 4,
                "MULT36X36": 8,
                "MULTADDSUB36X36": 8,
            },
            {"MULT9_CORE": 1},
        ),
        "bram": Resource(
            "BRAM",
            "block RAMs (EBR)",
            {"PDPSC16K*": 1, "PDP16K*": 1, "DP16K*": 1, "SP16K*": 1},
            {"OXIDE_EBR": 1},
        ),
        "spram": Resource(
            "LRAM",
            "large RAMs (LRAM)",
            {"PDPSC512K*": 1, "PDP512K*": 1, "DPSC512K*": 1, "SP512K*": 1},
            {"LRAM_CORE": 1},
        ),
    },
    devices=_devices(
        _nexus("lifcl-17", "BG256C", 13824, 48, 24, 5),
        _nexus("lifcl-40", "BG400C", 32256, 112, 84, 2),
        _nexus("lfd2nx-40", "BG256C", 32256, 112, 84, 2),
    ),
    frequency=200,
)


def _gowin(
    name: str,
    part: str,
    chip: str,
    synthesis: str,
    speeds: Mapping[str, str],
    *,
    capacity: tuple[int, int, int, int],
) -> Device:
    return Device(
        name,
        ("--device", f"{part}{{speed}}", "--vopt", f"family={chip}"),
        dict(zip(("comb", "ff", "dsp", "bram"), capacity, strict=True)),
        speeds,
        max(speeds),
        synthesis=f"-family {synthesis}",
    )


_GOWIN = Family(
    name="gowin",
    synthesis="synth_gowin -noiopads",
    placer="nextpnr-himbaechel-gowin",
    resources={
        # A cell of the adder stands in the place of a LUT.
        "comb": Resource(
            "LUT",
            "logic cells (LUT4 and ALU)",
            {"LUT[1-4]": 1, "ALU": 1, "RAM16SDP4": 4},
            {"LUT4": 1, "ALU": 1, "RAM16SDP4": 4},
        ),
        "ff": Resource("FF", "flip-flops", {"DFF*": 1}, {"DFF": 1}),
        "dsp": Resource(
            "DSP9",
            "9x9 multipliers (MULT9X9; GW5A: MULT12X12)",
            {
                "MULT9X9": 1,
                "MULT12X12": 1,
                "MULT18X18": 2,
                "MULTADDALU12X12": 2,
                "MULTALU27X18": 2,
                "MULTALU18X18": 4,
                "MULTADDALU18X18": 4,
                "MULTALU36X18": 4,
                "MULT36X36": 8,
            },
            {
                "MULT9X9": 1,
                "MULT12X12": 1,
                "MULT18X18": 2,
                "MULTADDALU12X12": 2,
                "MULTALU27X18": 2,
                "MULTALU18X18": 4,
                "MULTADDALU18X18": 4,
                "MULTALU36X18": 4,
                "MULT36X36": 8,
            },
        ),
        "bram": Resource(
            "BRAM",
            "block RAMs (BSRAM)",
            {"DP[BX]*": 1, "SDP*": 1, "SP": 1, "SPX9": 1, "pROM*": 1},
            {"BSRAM": 1},
        ),
    },
    devices=_devices(
        _gowin(
            "gw1nr-9c",
            "GW1NR-LV9QN88P",
            "GW1N-9C",
            "gw1n",
            {"5": "C5/I4", "6": "C6/I5"},
            capacity=(8640, 6480, 40, 26),
        ),
        _gowin(
            "gw2a-18c",
            "GW2AR-LV18QN88",
            "GW2A-18C",
            "gw2a",
            {"7": "C7/I6", "8": "C8/I7"},
            capacity=(20736, 15552, 96, 46),
        ),
        _gowin(
            "gw5a-25a",
            "GW5A-LV25MG121N",
            "GW5A-25A",
            "gw5a",
            {"1": "C1/I0", "2": "C2/I1"},
            capacity=(23040, 23040, 56, 56),
        ),
    ),
    frequency=150,
    notes={
        "MULT*": "nextpnr has no times for multipliers of Gowin: the clock is of all else",
        # Those of one port to write and one to read (SDPB, SDPX9B) it has; Yosys takes the others
        # for words of 8 bits.
        "DP[BX]*": "nextpnr has no times for the port at which Gowin's true dual-port RAMs are read: "
        "the clock is of all else",
    },
)

FAMILIES: dict[str, Family] = {family.name: family for family in (_ECP5, _ICE40, _NEXUS, _GOWIN)}
"""By name. A family that Verilog is written for, and that can be placed, is called the same here."""


def find_device(family: str, device: str, speed: str | None = None) -> tuple[Family, Device, str]:
    """Family, device and speed grade by name, in capitals or not.

    ``speed`` is one of the device's grades, None the usual one. Raises :class:`DeviceError`.
    """
    if family.lower() not in FAMILIES:
        raise DeviceError(f"the family must be one of {', '.join(FAMILIES)}, not {family!r}")
    kin = FAMILIES[family.lower()]
    if device.lower() not in kin.devices:
        raise DeviceError(
            f"the device of family {kin.name} must be one of {', '.join(kin.devices)}, "
            f"not {device!r}"
        )
    found = kin.devices[device.lower()]
    if speed is None:
        return kin, found, found.speed
    if not found.speeds:
        raise DeviceError(f"{kin.name} {found.name} has no speed grades, so none can be {speed!r}")
    if speed not in found.speeds:
        raise DeviceError(
            f"the speed grade of {kin.name} {found.name} must be one of "
            f"{', '.join(found.speeds)}, not {speed!r}"
        )
    return kin, found, speed
