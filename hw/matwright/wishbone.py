# SPDX-License-Identifier: Apache-2.0
"""The accelerator for systems on Wishbone: the same machine behind two bridges."""

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .accelerator import Accelerator
from .bus.register_map import ADDR_WIDTH
from .bus.wishbone import wishbone
from .bus.wishbone_master import AxiToWishbone
from .bus.wishbone_slave import WishboneToAxiLite
from .config import AcceleratorConfig

__all__ = ["WishboneAccelerator"]


class WishboneAccelerator(wiring.Component):
    """An :class:`.Accelerator` with a Wishbone master ``wbm`` in place of ``m_axi`` and a slave ``wbs`` in
    place of ``s_axil``; registers, descriptors and ``irq`` are the same."""

    wbm: wiring.PureInterface  # Out, wishbone(bus.addr_width, bus.data_width)
    wbs: wiring.FlippedInterface  # In, wishbone(ADDR_WIDTH, 32)
    irq: Signal  # Out

    def __init__(self, config: AcceleratorConfig) -> None:
        self.config = config
        super().__init__(
            {
                "wbm": Out(wishbone(config.bus.addr_width, config.bus.data_width)),
                "wbs": In(wishbone(ADDR_WIDTH, 32)),
                "irq": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.accelerator = accelerator = Accelerator(self.config)
        m.submodules.master = master = AxiToWishbone(self.config.bus)
        m.submodules.slave = slave = WishboneToAxiLite()
        connect(m, accelerator.m_axi, master.axi)
        connect(m, slave.axil, accelerator.s_axil)
        connect(m, master.wb, flipped(self.wbm))
        connect(m, flipped(self.wbs), slave.wb)
        m.d.comb += self.irq.eq(accelerator.irq)
        return m
