# SPDX-License-Identifier: Apache-2.0
"""What can stand between a configuration and its figures. Every message is one sentence."""

__all__ = [
    "BoardError",
    "DeviceError",
    "FitError",
    "FpgaError",
    "PartError",
    "RoutingError",
    "TimingError",
    "ToolError",
]


class FpgaError(RuntimeError):
    """Base of the errors of this package."""


class DeviceError(FpgaError):
    """There is no such family, device or speed grade; the message lists those there are."""


class PartError(FpgaError):
    """The accelerator has no such part; the message names the nearest."""


class BoardError(FpgaError):
    """There is no such board, or it cannot have what is asked for: clock, baud, memory."""


class FitError(FpgaError):
    """The design needs more than the device has; the message names each resource and by how much."""


class RoutingError(FpgaError):
    """A placement was not routed; another seed may be."""


class TimingError(FpgaError):
    """No seed has met the clock; the message names the best one."""


class ToolError(FpgaError):
    """A tool is missing, too old, or has refused its input."""
