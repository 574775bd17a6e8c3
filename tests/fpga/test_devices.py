# SPDX-License-Identifier: Apache-2.0
"""Families and devices are found by name; what does not exist is refused with the choices."""

import pytest

from matwright.platform.families import FAMILIES as WRITTEN_FOR
from matwright_fpga.devices import FAMILIES, RESOURCES, Device, Family, find_device
from matwright_fpga.errors import DeviceError

EVERY = [(family, device) for family in FAMILIES.values() for device in family.devices.values()]


def test_verilog_is_written_for_every_family() -> None:
    assert set(FAMILIES) == set(WRITTEN_FOR) - {"generic"}


@pytest.mark.parametrize(("family", "device"), EVERY, ids=lambda each: each.name)
def test_device_is_whole(family: Family, device: Device) -> None:
    assert set(device.capacity) <= set(family.resources) <= set(RESOURCES)
    assert all(count > 0 for count in device.capacity.values())
    assert (device.speed in device.speeds) if device.speeds else device.speed == ""
    for speed in device.speeds or ("",):
        assert not [word for word in device.placer_arguments(speed) if "{" in word or not word]


@pytest.mark.parametrize(
    ("family", "device", "speed", "words"),
    [
        ("ecp5", "85k", None, "--85k --package CABGA381 --speed 6"),
        ("ECP5", "25K", "8", "--25k --package CABGA381 --speed 8"),
        ("ecp5", "um5g-45k", None, "--um5g-45k --package CABGA381 --speed 8"),
        ("ice40", "up5k", None, "--up5k --package sg48"),
        ("nexus", "lifcl-40", "7", "--device LIFCL-40-7BG400C"),
        ("gowin", "gw2a-18c", None, "--device GW2AR-LV18QN88C8/I7 --vopt family=GW2A-18C"),
    ],
)
def test_arguments(family: str, device: str, speed: str | None, words: str) -> None:
    _, found, grade = find_device(family, device, speed)
    assert " ".join(found.placer_arguments(grade)) == words


@pytest.mark.parametrize(
    ("family", "device", "speed", "sentence"),
    [
        ("xc7", "a35t", None, "the family must be one of ecp5, ice40, nexus, gowin, not 'xc7'"),
        (
            "nexus",
            "lifcl-39",
            None,
            "the device of family nexus must be one of lifcl-17, lifcl-40, lfd2nx-40, not 'lifcl-39'",
        ),
        ("ecp5", "85k", "9", "the speed grade of ecp5 85k must be one of 6, 7, 8, not '9'"),
        ("ice40", "up5k", "6", "ice40 up5k has no speed grades, so none can be '6'"),
    ],
)
def test_refusals(family: str, device: str, speed: str | None, sentence: str) -> None:
    with pytest.raises(DeviceError) as refused:
        find_device(family, device, speed)
    assert str(refused.value) == sentence


def test_cells_are_counted_by_pattern() -> None:
    resources = FAMILIES["ice40"].resources
    cells = {"SB_DFF": 3, "SB_DFFESR": 4, "SB_LUT4": 5, "SB_CARRY": 6, "SB_RAM40_4KNR": 7}
    counted = {name: resource.in_netlist(cells) for name, resource in resources.items()}
    assert counted == {"comb": 5, "ff": 7, "dsp": 0, "bram": 7, "spram": 0}


def test_what_the_tools_do_not_time_is_told() -> None:
    gowin, ice40 = FAMILIES["gowin"], FAMILIES["ice40"]
    assert gowin.remarks({"LUT4": 5, "MULT9X9": 0}) == []
    (note,) = gowin.remarks({"LUT4": 5, "MULT9X9": 2})
    assert note == "nextpnr has no times for multipliers of Gowin: the clock is of all else"
    assert gowin.remarks({"SDPX9B": 1, "MULT18X18": 2}) == [note]
    assert len(gowin.remarks({"SDPX9B": 1, "DPX9B": 2, "MULT9X9": 2})) == 2
    assert gowin.remarks({"DPB": 1})[0].startswith("nextpnr has no times for the port at which ")
    assert ice40.remarks({"SB_MAC16": 8}) == [
        "nextpnr times a multiplier (SB_MAC16) at its ports, not inside"
    ]
