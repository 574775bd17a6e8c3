# SPDX-License-Identifier: Apache-2.0
"""The other end of a serial line, for the benches of the system."""

from typing import Any

import cocotb
from cocotb.queue import Queue
from cocotb.triggers import FallingEdge, SimTimeoutError, Timer, with_timeout
from cocotb.utils import get_sim_time

from ..agents.clock import PERIOD_NS

__all__ = ["SerialLine"]

_PS = 1000


class SerialLine:
    """Sends bytes to pin ``rx`` of a device and collects those of pin ``tx``.

    A bit takes ``divisor`` cycles, times ``mismatch`` at this end. What comes is put into ``received``;
    a byte without a stop bit is an AssertionError.
    """

    def __init__(self, dut: Any, divisor: int, *, mismatch: float = 1.0) -> None:
        self.bit = divisor * PERIOD_NS * _PS * mismatch
        """Picoseconds of a bit."""
        self.received: Queue[int] = Queue()
        self.starts: list[int] = []
        """Times at which the start bits that came began, in picoseconds."""
        self._rx, self._tx = dut.rx, dut.tx
        self._rx.value = 1
        cocotb.start_soon(self._receive())

    async def wait(self, bit_times: float) -> None:
        """Let time pass."""
        await Timer(max(1, round(bit_times * self.bit)), "ps")

    async def send(self, byte: int, *, stop: int = 1) -> None:
        """Send one byte; ``stop`` 0 is a framing error, with the line low for its stop bit."""
        begin = get_sim_time("ps")
        for i, bit in enumerate((0, *(byte >> k & 1 for k in range(8)), stop)):
            self._rx.value = bit
            # Rounded from the beginning: errors must not add up.
            await Timer(max(1, round(begin + (i + 1) * self.bit - get_sim_time("ps"))), "ps")
        self._rx.value = 1

    async def glitch(self, bit_times: float) -> None:
        """Pull an idle line low."""
        self._rx.value = 0
        await self.wait(bit_times)
        self._rx.value = 1

    async def take(self, count: int, *, silence: float = 200.0) -> bytes:
        """The next ``count`` bytes, fewer if none begins for ``silence`` bit times."""
        taken = bytearray()
        while len(taken) < count:
            # A byte is here 9.5 bit times after it began.
            limit = round((silence + 10) * self.bit)
            try:
                taken.append(await with_timeout(self.received.get(), limit, "ps"))
            except SimTimeoutError:
                break
        return bytes(taken)

    async def _receive(self) -> None:
        while True:
            await FallingEdge(self._tx)
            self.starts.append(round(get_sim_time("ps")))
            await self.wait(0.5)
            assert not int(self._tx.value), "a start bit must last"
            byte = 0
            for i in range(8):
                await self.wait(1)
                byte |= int(self._tx.value) << i
            await self.wait(1)
            assert int(self._tx.value), "a byte must end with a stop bit"
            self.received.put_nowait(byte)
