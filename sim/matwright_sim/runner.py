# SPDX-License-Identifier: Apache-2.0
"""Run a cocotb bench on a component, in Icarus Verilog or in Verilator.

Compiled simulators are kept in the cache (:mod:`.cache`), so a bench that runs again on the same
Verilog starts at once.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from . import cache, toolchain
from .ports import modules
from .toolchain import TIMESCALE

__all__ = ["SIMULATORS", "BenchError", "run_bench", "to_verilog"]

SIMULATORS = ("icarus", "verilator")

_TAIL_LINES = 60
"""Lines of a log that an error message quotes."""


class BenchError(AssertionError):
    """A bench failed, or did not run; the message names the failing tests and quotes the log."""


def to_verilog(component: Any, name: str) -> str:
    """Verilog of an Amaranth component, the same text whatever is installed on the machine."""
    from amaranth.back import verilog

    with _environment({"AMARANTH_USE_YOSYS": "builtin"}):
        return verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)


def run_bench(
    component: Any = None,
    *,
    name: str | None = None,
    bench: str,
    verilog: str | None = None,
    toplevel: str | None = None,
    simulator: str = "icarus",
    parameters: dict[str, str] | None = None,
    seed: int = 0,
    build_root: Path | None = None,
    waves: bool = False,
    python_path: Sequence[Path] = (),
) -> None:
    """Run every cocotb test of module ``bench``; raise :class:`BenchError` unless all pass.

    The design is ``component``, whose top module will be called ``name``, or the text ``verilog``
    with top module ``toplevel``. ``parameters`` reach the bench as environment variables, ``seed``
    as cocotb's seed. Logs, ``results.xml`` and waves (``<toplevel>.fst`` from Icarus, ``dump.vcd``
    from Verilator) are left in ``build_root/<toplevel>``; without ``build_root`` in a temporary
    folder, which stays only if the bench failed or ``waves`` are wanted. ``python_path`` is put in
    front of ``sys.path`` of the simulation, for benches outside a package.

    In Verilator a bench sees the ports of the top module and nothing else.
    """
    if simulator not in SIMULATORS:
        raise ValueError(f"simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    if (component is None) == (verilog is None):
        raise ValueError("run_bench takes a component or Verilog text, one and not both")
    top = name if verilog is None else (toplevel or name)
    if top is None:
        raise ValueError("run_bench needs the name of the top module")
    text = to_verilog(component, top) if verilog is None else verilog

    simulation = _built(text, top, simulator, waves)
    if build_root is None:
        folder = Path(tempfile.mkdtemp(prefix=f"matwright-{top}-"))
    else:
        folder = Path(build_root).absolute() / top
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    _test(simulation, folder, top, simulator, bench, parameters or {}, seed, waves, python_path)
    if build_root is None and not waves:
        shutil.rmtree(folder, ignore_errors=True)


# Building.


def _built(text: str, top: str, simulator: str, waves: bool) -> Path:
    """Folder of the compiled simulator, from the cache if it is there."""
    import cocotb
    import cocotb_tools.config

    extra: dict[str, str] = {}
    if simulator == "icarus":
        version, flags = toolchain.find_icarus().version, list(toolchain.ICARUS_FLAGS)
        text = _icarus_asserts(text)
        if waves:
            # cocotb's own dump module is SystemVerilog.
            extra["dump.v"] = _DUMP.format(top=top)
            flags += ["-s", "matwright_dump"]
    else:
        version, flags = toolchain.find_verilator().version, list(toolchain.VERILATOR_BENCH_FLAGS)
        extra["ports.vlt"] = _public_ports(text, top)
    sources = {**extra, f"{top}.v": text}
    # cocotb's library folder is written into the executable.
    libraries = str(cocotb_tools.config.libs_dir)
    words = [simulator, version, str(waves), top, cocotb.__version__, libraries, *flags]
    named = cache.key(*words, *sources, *sources.values())
    return cache.entry("bench", named, lambda to: _build(sources, flags, top, simulator, waves, to))


def _build(
    sources: dict[str, str], flags: list[str], top: str, simulator: str, waves: bool, folder: Path
) -> None:
    for file, text in sources.items():
        (folder / file).write_text(text, encoding="utf-8")
    log = folder / "build.log"
    try:
        with _simulator(simulator) as runner:
            runner.build(
                sources=[folder / file for file in sources],
                hdl_toplevel=top,
                build_dir=folder,
                build_args=flags,
                timescale=TIMESCALE,
                waves=waves and simulator == "verilator",
                log_file=log,
                always=True,
            )
    except (RuntimeError, SystemExit) as error:
        raise BenchError(f"{simulator} could not build {top}:\n{_tail(log)}") from error
    keep = {f"{top}.v", "build.log", "sim.vvp", top}
    for item in folder.iterdir():
        if item.name not in keep:
            shutil.rmtree(item) if item.is_dir() else item.unlink()


_DUMP = """module matwright_dump;
  initial begin
    $dumpfile("{top}.fst");
    $dumpvars(0, {top});
  end
endmodule
"""


def _icarus_asserts(text: str) -> str:
    """``text`` with assertions, which Verilog-2005 does not know, as a test and a message."""
    message = '$display("\\nERROR: assertion violated in %m at %0t", $time)'
    return re.sub(
        r"^(\s*)assert \((.*)\);$",
        lambda match: f"{match[1]}if (!({match[2]})) {message};",
        text,
        flags=re.MULTILINE,
    )


def _public_ports(text: str, top: str) -> str:
    """Verilator control file that makes the ports of module ``top`` public."""
    found = modules(text)
    if top not in found:
        raise ValueError(f"the Verilog must hold a module {top}, and holds none of that name")
    lines = [f'public_flat_rw -module "{top}" -var "{port}"' for port in found[top]]
    return "\n".join(["`verilator_config", *lines, ""])


# Running.


def _test(
    simulation: Path,
    folder: Path,
    top: str,
    simulator: str,
    bench: str,
    parameters: dict[str, str],
    seed: int,
    waves: bool,
    python_path: Sequence[Path],
) -> None:
    log, results = folder / "run.log", folder / "results.xml"
    failure: BaseException | None = None
    try:
        with _simulator(simulator) as runner, _search_path(python_path):
            runner.test(
                test_module=bench,
                hdl_toplevel=top,
                hdl_toplevel_lang="verilog",
                build_dir=simulation,
                test_dir=folder,
                results_xml=str(results),
                extra_env={"COCOTB_ANSI_OUTPUT": "0", **parameters},
                seed=seed,
                waves=waves,
                log_file=log,
            )
    except (RuntimeError, SystemExit) as error:
        failure = error
    ran, failed = _results(results)
    where = f"{bench} on {top} in {simulator} (seed {seed})"
    if failed:
        raise BenchError(f"{where}: failed: {', '.join(failed)}; see {folder}\n{_tail(log)}")
    if failure is not None or ran == 0:
        reason = "no test ran" if ran == 0 else f"the simulator stopped: {failure}"
        raise BenchError(f"{where}: {reason}; see {folder}\n{_tail(log)}") from failure
    violated = re.search(r"^(ERROR:|%Error).*$", log.read_text(errors="replace"), re.MULTILINE)
    if violated is not None:
        raise BenchError(f"{where}: {violated[0]}; see {folder}\n{_tail(log)}")


def _results(path: Path) -> tuple[int, list[str]]:
    """Number of tests that ran, and names of those that failed."""
    if not path.is_file():
        return 0, []
    try:
        cases = list(ElementTree.parse(path).getroot().iter("testcase"))
    except ElementTree.ParseError:
        return 0, []
    ran = [case for case in cases if case.find("skipped") is None]
    failed = [c for c in ran if c.find("failure") is not None or c.find("error") is not None]
    return len(ran), [case.get("name", "?") for case in failed]


def _tail(log: Path) -> str:
    if not log.is_file():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])


@contextmanager
def _simulator(simulator: str) -> Iterator[Any]:
    """cocotb's runner for ``simulator``, with the tool's environment around it."""
    from cocotb_tools.runner import get_runner

    variables: dict[str, str | None] = {"PYTEST_CURRENT_TEST": None, "WAVES": None, "GUI": None}
    if simulator == "verilator":
        verilator = toolchain.find_verilator()
        variables |= verilator.environment
        folders = verilator.path
    else:
        folders = toolchain.find_icarus().path
    path = os.pathsep.join([*map(str, folders), os.environ.get("PATH", "")])
    with _environment({**variables, "PATH": path}):
        runner = get_runner(simulator)
        runner.log.setLevel("CRITICAL")
        yield runner


@contextmanager
def _environment(variables: dict[str, str | None] | dict[str, str]) -> Iterator[None]:
    """Set variables (None: unset) for the time of the block."""
    before = {name: os.environ.get(name) for name in variables}
    try:
        _set(dict(variables))
        yield
    finally:
        _set(before)


def _set(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def _search_path(folders: Sequence[Path]) -> Iterator[None]:
    before = list(sys.path)
    sys.path[:0] = [str(Path(folder).absolute()) for folder in folders]
    try:
        yield
    finally:
        sys.path[:] = before
