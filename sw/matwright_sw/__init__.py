# SPDX-License-Identifier: Apache-2.0
"""Host side of a Matwright accelerator: driver, choice of tilings, a network to run."""

from .driver import Driver
from .errors import (
    DriverError,
    DriverTimeout,
    HardwareError,
    IdentificationError,
    LinkError,
    OperandError,
    OutOfMemory,
)
from .isolation import Isolation
from .memory import Buffer
from .network import Network
from .operands import Activations, Result, Table, Weights
from .program import Program
from .report import Report
from .serial import SerialTransport
from .tiling import Tiling
from .transport import SimulatedTransport, Transport

__all__ = [
    "Activations",
    "Buffer",
    "Driver",
    "DriverError",
    "DriverTimeout",
    "HardwareError",
    "IdentificationError",
    "Isolation",
    "LinkError",
    "Network",
    "OperandError",
    "OutOfMemory",
    "Program",
    "Report",
    "Result",
    "SerialTransport",
    "SimulatedTransport",
    "Table",
    "Tiling",
    "Transport",
    "Weights",
]
