# SPDX-License-Identifier: Apache-2.0
"""A program: GEMMs that the device runs one after another, overlapping where it may."""

from matwright import layout
from matwright.config import AcceleratorConfig, ceil_div
from matwright.schedule.descriptor import Descriptor, Flag

from . import search
from . import tiling as tiling_rule
from .errors import OperandError
from .memory import Allocator
from .operands import (
    Activations,
    Resident,
    Result,
    Table,
    Weights,
    check_scales,
    columns_agree,
)
from .search import Choice
from .tiling import Tiling

__all__ = ["MAX_DESCRIPTORS", "Program"]

MAX_DESCRIPTORS = 65_535
"""Most descriptors of one program."""


class Program:
    """Collects descriptors; :meth:`Driver.run` runs them, as often as wanted.

    The device may start loading a GEMM while an earlier one is still storing. Where a GEMM reads
    or writes memory that an earlier one's result overlaps, its descriptor carries FENCE and waits.
    Overwriting what an earlier GEMM *reads* needs no fence: stores of a GEMM follow its own
    computation, which follows all earlier computations, which follow all earlier loads.

    The latencies are those of the device's memory, in cycles: tilings are chosen for them.
    """

    def __init__(
        self,
        config: AcceleratorConfig,
        allocator: Allocator,
        read_latency: int = tiling_rule.LATENCY,
        write_latency: int = tiling_rule.LATENCY,
    ) -> None:
        self.config = config
        self._allocator = allocator
        self._latencies = {"read_latency": read_latency, "write_latency": write_latency}
        self._choices: list[Choice] = []
        self._descriptors: list[Descriptor] = []
        self._used: list[tuple[str, Resident]] = []
        self._unfenced: list[tuple[int, int]] = []
        self._macs = 0
        self._estimate = 0

    @property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """The descriptors so far."""
        return tuple(self._descriptors)

    @property
    def tilings(self) -> tuple[Choice, ...]:
        """How each GEMM is cut, and what chose it."""
        return tuple(self._choices)

    @property
    def macs(self) -> int:
        """Multiply-accumulates that the GEMMs ask for."""
        return self._macs

    @property
    def estimated_cycles(self) -> int:
        """Rough number of cycles, by the rule of thumb for tilings; for a limit to waiting."""
        return self._estimate

    def pack(self) -> bytes:
        """The descriptors as they stand in memory."""
        return b"".join(descriptor.pack() for descriptor in self._descriptors)

    def check_operands(self) -> None:
        """Refuse to run when memory that the program uses was freed."""
        for name, operand in self._used:
            _check_alive(name, operand)

    def append(self, descriptor: Descriptor) -> None:
        """Add a descriptor as it is. Nothing is checked and FENCE is the caller's.

        A GEMM added later is fenced against it all the same.
        """
        if len(self._descriptors) == MAX_DESCRIPTORS:
            raise OperandError(f"a program must have at most {MAX_DESCRIPTORS} descriptors")
        columns = ceil_div(max(1, descriptor.n), self.config.cols) * self.config.col_pitch
        element = 4 if descriptor.flags & Flag.RAW else 1
        stop = descriptor.d_addr + (max(1, descriptor.m) - 1) * descriptor.d_stride
        if descriptor.flags & Flag.FENCE:
            self._unfenced.clear()
        self._unfenced = _joined(self._unfenced, (descriptor.d_addr, stop + columns * element))
        self._descriptors.append(descriptor)
        self._macs += descriptor.m * descriptor.n * descriptor.k
        cut = Tiling(
            max(1, descriptor.tile_rows), descriptor.n_panels_log2, descriptor.k_panels_log2
        )
        sizes = (max(1, descriptor.m), max(1, descriptor.n), max(1, descriptor.k))
        self._estimate += tiling_rule.estimate(self.config, *sizes, cut, element == 4)

    def gemm(
        self,
        a: Activations | Result,
        b: Weights,
        *,
        table: Table | None = None,
        scale: float | None = None,
        zero_point: int = 0,
        raw: bool = False,
        relu: bool = False,
        unsigned: bool = False,
        out: Result | None = None,
        tiling: Tiling | None = None,
    ) -> Result:
        """Add ``D = act(scale * (A @ B + bias))``; the result is valid after the program has run.

        ``table`` brings bias and scale per column, ``scale`` one scale for all (1 if neither is
        given). With ``raw`` D is int32 and not scaled; else it is int8, or uint8 with
        ``unsigned``, saturated, and ``zero_point`` is the value of D that stands for 0. ``a`` may
        be an earlier result that is not raw. ``out`` is a result to overwrite, ``tiling`` replaces
        the choice of :mod:`matwright_sw.search`.
        """
        config = self.config
        source = self.as_activations(a)
        _check_alive("a", source)
        _check_alive("b", b)
        if b.k != source.k:
            raise OperandError(f"b must have {source.k} rows, the columns of a, not {b.k}")
        m, n, k = source.m, b.n, b.k
        flags = Flag.A_UNSIGNED if source.unsigned else Flag(0)
        if relu:
            flags |= Flag.RELU
        flags |= check_output(raw, scale is not None, zero_point, unsigned)
        params = 0
        if table is not None:
            _check_alive("table", table)
            if scale is not None:
                raise OperandError("scale must not be given beside a table, which has its own")
            if table.n != n:
                raise OperandError(f"table must have {n} columns, those of b, not {table.n}")
            flags |= Flag.TABLE
            params = table.buffer.address
        elif not raw:
            params = layout.scale_word(float(check_scales(1.0 if scale is None else scale, 1)[0]))
        if tiling is None:
            has_table = table is not None
            chosen = search.choose(config, m, n, k, raw=raw, table=has_table, **self._latencies)
        else:
            chosen = Choice(tiling, "caller")
        cut = chosen.tiling
        if not tiling_rule.legal(config, cut, n):
            raise OperandError(f"tiling must fit the SRAM of {config.name}, not {cut}")
        result = self._result(m, n, raw, unsigned, out)

        reads = [source.buffer, b.buffer] + ([table.buffer] if table else [])
        write = (result.buffer.address, result.buffer.address + result.buffer.size)
        spans = [(buffer.address, buffer.address + buffer.size) for buffer in reads]
        if any(_overlap(span, write) for span in spans):
            raise OperandError("out must not overlap a, b or the table of the same GEMM")
        if any(_overlap(s, pending) for s in [*spans, write] for pending in self._unfenced):
            flags |= Flag.FENCE
        try:
            descriptor = Descriptor(
                flags=flags,
                n_panels_log2=cut.n_panels_log2,
                k_panels_log2=cut.k_panels_log2,
                zero_point=zero_point - 128 if unsigned else zero_point,
                m=m,
                n=n,
                k=k,
                tile_rows=cut.tile_rows,
                a_stride=source.stride,
                b_stride=b.stride,
                d_stride=result.stride,
                a_addr=source.buffer.address,
                b_addr=b.buffer.address,
                d_addr=result.buffer.address,
                params=params,
            )
            self.append(descriptor)
        except ValueError:
            if out is None:
                result.free()
            raise
        self._choices.append(chosen)
        self._used += [("a", source), ("b", b), ("out", result)]
        if table is not None:
            self._used.append(("table", table))
        return result

    def as_activations(self, a: Activations | Result) -> Activations:
        """A result as the A of a next GEMM; refused where the layouts differ."""
        if isinstance(a, Activations):
            return a
        config = self.config
        if a.raw or config.precision.a_width != 8:
            raise OperandError(
                "a result must be 8 bits wide to be the a of a next GEMM of "
                f"{config.precision.a_width}-bit activations, not {32 if a.raw else 8}"
            )
        if not columns_agree(config, a.n):
            raise OperandError(
                f"a result of {a.n} columns must be downloaded and uploaded again to be the a of a "
                f"next GEMM, because {config.name} groups columns of a by {config.rows} and of "
                f"results by {config.cols}"
            )
        return Activations(a.buffer, a.m, a.n, a.stride, a.unsigned)

    def _result(self, m: int, n: int, raw: bool, unsigned: bool, out: Result | None) -> Result:
        if out is not None:
            _check_alive("out", out)
            have = (out.m, out.n, out.raw, out.unsigned)
            if have != (m, n, raw, unsigned):
                wanted = Result(out.buffer, m, n, out.stride, raw, unsigned)
                raise OperandError(
                    f"out must be {m} x {n} of {wanted.dtype}, not {out.m} x {out.n} of {out.dtype}"
                )
            return out
        stride = layout.d_stride(self.config, n, raw)
        if not raw:
            # A next GEMM that reads the result as A reads whole panels of `rows`.
            stride = max(stride, layout.a_stride(self.config, n))
        buffer = self._allocator.allocate(m * stride, f"a result of {m} x {n}")
        return Result(buffer, m, n, stride, raw, unsigned)


def check_output(raw: bool, scaled: bool, zero_point: int, unsigned: bool) -> Flag:
    """Check the options of D and return their flags."""
    if raw:
        if scaled:
            raise OperandError("scale must not be given for a raw result, which is not scaled")
        if zero_point or unsigned:
            raise OperandError("a raw result must have zero_point 0 and be signed")
        return Flag.RAW
    low, high = (0, 255) if unsigned else (-128, 127)
    if not low <= zero_point <= high:
        raise OperandError(f"zero_point must be from {low} to {high}, not {zero_point}")
    return Flag.D_UNSIGNED if unsigned else Flag(0)


def _check_alive(name: str, operand: Resident) -> None:
    if operand.buffer.freed:
        raise OperandError(f"{name} must still be in device memory, but was freed")


def _joined(spans: list[tuple[int, int]], new: tuple[int, int]) -> list[tuple[int, int]]:
    """``spans`` and ``new``, those that touch it made one with it."""
    touching = [span for span in spans if span[0] <= new[1] and new[0] <= span[1]] + [new]
    apart = [span for span in spans if span[0] > new[1] or new[0] > span[1]]
    return [*apart, (min(touching)[0], max(span[1] for span in touching))]


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
