# SPDX-License-Identifier: Apache-2.0
"""The transport to a simulation in this process."""

import numpy as np

from matwright_sw.transport import SimulatedTransport, Transport


class Machine:
    """Remembers what it is asked."""

    def __init__(self) -> None:
        self.memory = np.arange(64, dtype=np.uint8)
        self.registers = {4: 9}
        self.ran: list[int] = []

    def read_register(self, offset: int) -> int:
        return self.registers[offset]

    def write_register(self, offset: int, value: int) -> None:
        self.registers[offset] = value

    def run(self, max_cycles: int) -> bool:
        self.ran.append(max_cycles)
        return max_cycles > 10


def test_memory() -> None:
    machine = Machine()
    transport: Transport = SimulatedTransport(machine)
    assert transport.memory_size == 64
    got = transport.read_memory(8, 4)
    assert bytes(got) == bytes([8, 9, 10, 11])
    transport.write_memory(8, b"\xff\xfe")
    transport.write_memory(10, np.array([1, 2], np.uint8))
    assert machine.memory[7:13].tolist() == [7, 255, 254, 1, 2, 12]
    assert bytes(got) == bytes([8, 9, 10, 11]), "what was read must not follow the memory"


def test_registers_and_interrupt() -> None:
    machine = Machine()
    transport = SimulatedTransport(machine)
    transport.write_register(8, 5)
    assert (transport.read_register(4), machine.registers[8]) == (9, 5)
    assert transport.wait_interrupt(11) and not transport.wait_interrupt(10)
    assert machine.ran == [11, 10]
