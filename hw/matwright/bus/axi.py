# SPDX-License-Identifier: Apache-2.0
"""Signatures of the two buses: AXI4 (IHI 0022, issue H) as master, AXI4-Lite as slave."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import Bus
from .register_map import ADDR_WIDTH

__all__ = ["ID_WIDTH", "axi4", "axi4_lite"]

ID_WIDTH = 4
"""Width of the AXI4 IDs. All transactions use ID 0."""


def axi4(bus: Bus) -> wiring.Signature:
    """Signature of an AXI4 master: ``m_axi``, seen from the master."""
    address = {
        "id": Out(ID_WIDTH),
        "addr": Out(bus.addr_width),
        "len": Out(8),
        "size": Out(3),
        "burst": Out(2),
        "lock": Out(1),
        "cache": Out(4),
        "prot": Out(3),
        "qos": Out(4),
        "valid": Out(1),
        "ready": In(1),
    }
    return wiring.Signature(
        {f"aw{name}": member for name, member in address.items()}
        | {
            "wdata": Out(bus.data_width),
            "wstrb": Out(bus.bytes),
            "wlast": Out(1),
            "wvalid": Out(1),
            "wready": In(1),
            "bid": In(ID_WIDTH),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
        }
        | {f"ar{name}": member for name, member in address.items()}
        | {
            "rid": In(ID_WIDTH),
            "rdata": In(bus.data_width),
            "rresp": In(2),
            "rlast": In(1),
            "rvalid": In(1),
            "rready": Out(1),
        }
    )


def axi4_lite() -> wiring.Signature:
    """Signature of an AXI4-Lite interface of 32 bits, seen from the master."""
    return wiring.Signature(
        {
            "awaddr": Out(ADDR_WIDTH),
            "awprot": Out(3),
            "awvalid": Out(1),
            "awready": In(1),
            "wdata": Out(32),
            "wstrb": Out(4),
            "wvalid": Out(1),
            "wready": In(1),
            "bresp": In(2),
            "bvalid": In(1),
            "bready": Out(1),
            "araddr": Out(ADDR_WIDTH),
            "arprot": Out(3),
            "arvalid": Out(1),
            "arready": In(1),
            "rdata": In(32),
            "rresp": In(2),
            "rvalid": In(1),
            "rready": Out(1),
        }
    )
