# SPDX-License-Identifier: Apache-2.0
"""What a specification is written on: parts, what is assumed of their neighbours, what is claimed."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from amaranth import Elaboratable, Module, Shape, Signal, Value
from amaranth.asserts import AnyConst  # type: ignore[attr-defined]
from amaranth.back import rtlil  # type: ignore[attr-defined]
from amaranth.hdl import Assume, ShapeLike
from amaranth.hdl._dsl import resolve_statements  # type: ignore[attr-defined]
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from matwright.config import AcceleratorConfig

from .source import Source

__all__ = ["Bench", "SpecError"]


class SpecError(ValueError):
    """A specification is written wrongly."""


class Bench:
    """A circuit around the parts that are looked at; :attr:`m` is its top module.

    Inputs of the parts that the specification does not drive are free: they take every value in every
    cycle. So is the reset, of the parts and of the specification together: it may come in any cycle, and
    what holds, holds from the first cycle after any reset, whatever registers without reset hold.

    Claims, assumptions and memories of the past stand outside of every ``m.If``.
    """

    def __init__(self, source: Source, config: AcceleratorConfig) -> None:
        self.source = source
        """Where the parts come from, with or without a bug: ``b.source("matwright.bus.stage").Stage``."""
        self.config = config
        """The user's configuration."""
        self.m = Module()
        self._aside = Module()
        self.m.submodules.aside = self._aside
        for module in (self.m, self._aside):
            _mark_used(module)
        self._ports: list[Value] = []
        self._modules: dict[int, Any] = {}  # what is private of a Module is needed
        self._opened: list[Any] = []
        self.claims: list[str] = []
        """Names of all that is claimed."""
        self.goals: list[str] = []
        """Names of all that is to be reached."""

    # Parts.

    def place(self, name: str, part: Any) -> Any:
        """Add ``part``, a component, which is given back; its inputs are free unless driven."""
        self.m.submodules[name] = self._open(part)
        for _, member, port in part.signature.flatten(part):
            if member.flow is In:
                self._ports.append(Value.cast(port))
        return part

    def inner(self, part: Any, path: str) -> Any:
        """A submodule or signal inside of ``part``: ``queue.tally.count``.

        Signals are found by their names, among those that are driven there; of several of one name,
        ``name#2`` is the third to which something is assigned. (The first of some signals that are made at
        once, ``a, b = Signal(), Signal()``, is called ``$signal``.) Of a memory, read ports can
        be had (``read_port(domain="comb")``) to look at its words.
        """
        *way, last = path.split(".")
        for name in way:
            part = self._submodule(part, name, path)
        module = self._modules[id(part)]
        if last in module._named_submodules:
            return self._submodule(part, last, path)
        name, _, which = last.partition("#")
        module._flush()
        found = {
            id(signal): signal
            for statements in module._statements.values()
            for statement in resolve_statements(statements)
            for signal in statement._lhs_signals()
            if signal.name == name
        }
        if which:
            return list(found.values())[int(which)]
        if len(found) != 1:
            raise SpecError(f"{path} must be one signal or submodule, not {len(found)}")
        return next(iter(found.values()))

    def _submodule(self, part: Any, name: str, path: str) -> Any:
        submodules = self._modules[id(part)]._named_submodules
        if name not in submodules:
            raise SpecError(f"there is no submodule {name} on the way to {path}")
        inside, place = submodules[name]
        if isinstance(inside, Module):  # it was opened before
            return next(part for part in self._opened if self._modules[id(part)] is inside)
        if isinstance(inside, Elaboratable) and not isinstance(inside, Memory):
            submodules[name] = (self._open(inside), place)
        return inside

    def _open(self, part: Any) -> Any:
        """The module of a part, elaborated here so that its inside can be seen."""
        module: Any = part.elaborate(None)
        for used in (part, module, *(inside for inside, _ in module._named_submodules.values())):
            _mark_used(used)
        self._modules[id(part)] = module
        self._opened.append(part)
        return module

    @contextmanager
    def stand_in(self, module: str, *names: str) -> Iterator[dict[str, Any]]:
        """Meanwhile ``module`` makes, of each class of ``names``, a part with the same ports, nothing inside
        and outputs that are free: what the others do, whatever it does. Gives them by name, once made."""
        place = self.source(module)
        real = {name: getattr(place, name) for name in names}
        made: dict[str, Any] = {}

        def stand(name: str) -> Callable[..., Any]:
            def make(*arguments: Any, **options: Any) -> Any:
                whole = real[name](*arguments, **options)
                part = _Empty(whole.signature)
                for used in (whole, part):
                    _mark_used(used)
                for _, member, port in part.signature.flatten(part):
                    if member.flow is Out:
                        self._ports.append(Value.cast(port))
                made[name] = part
                return part

            return make

        for name in names:
            setattr(place, name, stand(name))
        try:
            yield made
        finally:
            for name in names:
                setattr(place, name, real[name])

    # Values.

    def free(self, shape: ShapeLike, name: str) -> Any:
        """A signal that takes every value in every cycle."""
        signal = Signal(shape, name=name)
        self._ports.append(Value.cast(signal))
        return signal

    def fixed(self, shape: ShapeLike, name: str) -> Any:
        """A signal that takes any value, the same in all cycles."""
        signal = Signal(shape, name=name)
        any_ = AnyConst(Shape.cast(shape).width)
        self._aside.d.comb += Value.cast(signal).eq(any_)
        return signal

    def before(self, value: Any, name: str | None = None) -> Signal:
        """``value`` in the cycle before; 0 in the first cycle, and in the one after a reset."""
        value = Value.cast(value)
        past = Signal(value.shape(), name=name or f"before_{len(self._ports)}")
        self._aside.d.sync += past.eq(value)
        return past

    def high_for(self, condition: Any, most: int, name: str) -> Signal:
        """For how many cycles up to now ``condition`` has been high; no more than ``most`` are counted.

        Of a claim that it is never ``most`` follows a response: the condition ends before.
        """
        count = Signal(range(most + 1), name=f"{name}_before")
        now = Signal(range(most + 1), name=name)
        condition = Value.cast(condition).bool()
        more = Signal(name=f"{name}_more")
        self._aside.d.comb += more.eq(count != most)
        with self._aside.If(condition):
            self._aside.d.comb += now.eq(count + more)
        self._aside.d.sync += count.eq(now)
        return now

    # What is said of them.

    def assume(self, condition: Any) -> None:
        """What neighbours never break; holds in every cycle."""
        self._aside.d.comb += Assume(Value.cast(condition).bool())  # type: ignore[call-arg]

    def show(self, name: str, condition: Any) -> None:
        """Claim that ``condition`` holds in every cycle."""
        if name in self.claims:
            raise SpecError(f"{name} is claimed twice")
        self._port(f"claim_{name}", condition)
        self.claims.append(name)

    def implies(self, name: str, when: Any, then: Any) -> None:
        """Claim that ``then`` holds in every cycle in which ``when`` does."""
        self.show(name, ~Value.cast(when).bool() | Value.cast(then).bool())

    def answers(self, name: str, waiting: Any, most: int) -> None:
        """Claim that ``waiting`` is high for at most ``most`` cycles in a row."""
        self.show(name, self.high_for(waiting, most + 1, f"{name}_cycles") <= most)

    def reach(self, name: str, condition: Any) -> None:
        """Say that in some cycle of some run ``condition`` holds."""
        if name in self.goals:
            raise SpecError(f"{name} is a goal twice")
        self._port(f"goal_{name}", condition)
        self.goals.append(name)

    def _port(self, name: str, condition: Any) -> None:
        signal = Signal(name=name)
        self._aside.d.comb += signal.eq(Value.cast(condition).bool())
        self._ports.append(signal)

    def rtlil(self) -> str:
        """The circuit as Yosys reads it; the bench is used up."""
        ports: Iterable[Value] = [port for port in self._ports if len(port)]
        return str(rtlil.convert(self.m, name="top", ports=ports, emit_src=False))


class _Empty(wiring.Component):
    """Ports, and nothing else."""

    def elaborate(self, platform: object) -> Module:
        return Module()


def _mark_used(part: Any) -> None:
    """What Amaranth notes of whatever it elaborates by itself; else it warns."""
    part._MustUse__used = True
