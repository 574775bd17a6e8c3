# SPDX-License-Identifier: Apache-2.0
"""The driver end to end over the golden machine, against NumPy."""

import re
from typing import Any

import numpy as np
import pytest
from golden_transport import GoldenTransport

from matwright import layout
from matwright.bus.register_map import COUNTERS, PRIVILEGED
from matwright.bus.window import Window
from matwright.config import AcceleratorConfig, Build, Bus, Limits, Precision, Sram
from matwright.presets import PRESETS, preset
from matwright.schedule.descriptor import Descriptor, Error
from matwright_sw import errors
from matwright_sw import isolation as isolation_module
from matwright_sw.driver import Driver
from matwright_sw.errors import DriverTimeout, IdentificationError, OperandError, OutOfMemory
from matwright_sw.isolation import Isolation
from matwright_sw.operands import Activations, Result
from matwright_sw.report import Report

SEED = 24
EDGE = preset("edge")
ODD = AcceleratorConfig(
    name="odd",
    rows=6,
    cols=5,
    load_rows=2,
    precision=Precision(a_width=12, b_width=5, acc_width=28),
    sram=Sram(activation_rows=128, weight_tiles=16, accumulator_rows=32, column_panels=4),
    bus=Bus(data_width=32, addr_width=30),
    limits=Limits(max_k=4000),
    build=Build(post_lanes=2),
)
CONFIGS = [*PRESETS.values(), ODD]


def device(config: AcceleratorConfig = EDGE, size: int = 1 << 20) -> tuple[Driver, GoldenTransport]:
    transport = GoldenTransport(config, size)
    return Driver(config, transport), transport


def random_a(rng: np.random.Generator, config: AcceleratorConfig, shape: Any) -> Any:
    half = 1 << (config.precision.a_width - 1)
    if rng.integers(2):
        return rng.integers(0, 2 * half, shape).astype(np.uint16)
    return rng.integers(-half, half, shape)


def random_b(rng: np.random.Generator, config: AcceleratorConfig, shape: Any) -> Any:
    half = 1 << (config.precision.b_width - 1)
    return rng.integers(-half, half, shape)


def expected(
    t: Any, scale: Any, zero_point: int, relu: bool, unsigned: bool, raw: bool
) -> np.ndarray[Any, Any]:
    """Float64 with the machine's scale, exact: its 27 bits times 26 fit the 53 of a double."""
    t = np.maximum(t, 0) if relu else t
    if raw:
        return t.astype(np.int32)
    words = [layout.scale_word(float(s)) for s in np.broadcast_to(scale, t.shape[1])]
    exact = np.array([float(layout.scale_value(w)) for w in words])
    low, high = (0, 255) if unsigned else (-128, 127)
    y = np.clip(np.rint(t * exact) + zero_point, low, high)
    return y.astype(np.uint8 if unsigned else np.int8)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_random_gemms(config: AcceleratorConfig) -> None:
    rng = np.random.default_rng(SEED)
    driver, transport = device(config)
    whole = driver.memory.free_bytes
    for i in range(60):
        m, n, k = (int(x) for x in rng.integers(1, (70, 90, 120)))
        a, b = random_a(rng, config, (m, k)), random_b(rng, config, (k, n))
        bias = rng.integers(-5000, 5000, n) if rng.integers(2) else None
        raw, relu, unsigned = (bool(x) for x in rng.integers(2, size=3))
        unsigned = unsigned and not raw
        zero_point = 0 if raw else int(rng.integers(0, 128))
        a_zero_point = int(rng.integers(-50, 50)) if rng.integers(2) else 0
        scale: Any = None
        if not raw:
            spread = np.exp2(rng.uniform(-16, -2, n))
            scale = spread if rng.integers(2) else float(spread[0])
        got = driver.gemm(
            a,
            b,
            bias=bias,
            scale=scale,
            zero_point=zero_point,
            a_zero_point=a_zero_point,
            relu=relu,
            unsigned=unsigned,
        )
        t = (a.astype(np.int64) - a_zero_point) @ b + (0 if bias is None else bias)
        want = expected(t, scale, zero_point, relu, unsigned, raw)
        assert got.dtype == want.dtype
        assert (got == want).all(), (config.name, i, (m, n, k), SEED)
        assert driver.memory.free_bytes == whole
    assert transport.resets == 0


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 17, 300), (300, 1, 17), (17, 300, 1)])
def test_thin_shapes(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(SEED)
    m, n, k = shape
    a, b = random_b(rng, EDGE, (m, k)), random_b(rng, EDGE, (k, n))
    driver, _ = device()
    assert (driver.gemm(a, b) == a @ b).all()
    want = np.clip(np.rint(a @ b / 64), -128, 127)
    assert (driver.gemm(a, b, scale=1 / 64) == want).all()
    assert (driver.gemm(a, b, raw=False) == np.clip(a @ b, -128, 127)).all()


def test_extreme_values() -> None:
    driver, _ = device()
    for low in (-128, 127):
        a, b = np.full((3, 2000), low), np.full((2000, 5), -128)
        assert (driver.gemm(a, b) == a @ b).all()
    a = np.full((3, 2000), 255, np.uint8)
    assert (driver.gemm(a, b) == 2000 * 255 * -128).all()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_program_of_many(config: AcceleratorConfig) -> None:
    """Operands are used again, results feed GEMMs; every missing fence would show."""
    rng = np.random.default_rng(SEED)
    driver, transport = device(config)
    n = min(config.rows, config.cols)
    x = random_b(rng, config, (9, n))
    ws = [random_b(rng, config, (n, n)) for _ in range(3)]
    biases = [rng.integers(-50, 50, n) for _ in range(3)]
    a = driver.upload_a(x)
    weights = [driver.upload_b(w) for w in ws]
    tables = [driver.upload_table(bias, 2.0**-6, n=n) for bias in biases]
    program = driver.program()
    pairs: list[tuple[Result, Any]] = []
    for w, bias, wb, tb in zip(ws, biases, weights, tables, strict=True):
        for relu in (False, True):
            d = program.gemm(a, wb, table=tb, relu=relu)
            plain = expected(x @ w + bias, 2.0**-6, 0, relu, False, False)
            pairs.append((d, plain))
    if config.precision.a_width == 8:
        for wb, w in zip(weights, ws, strict=True):
            # The newest result twice: unsigned results are A_UNSIGNED, 128 stands for 0.
            source, values = pairs[-1]
            offset = 128 if source.unsigned else 0
            t = (values.astype(np.int64) - offset) @ w
            d = program.gemm(source, wb, scale=2.0**-6, zero_point=128, unsigned=True)
            pairs.append((d, expected(t, 2.0**-6, 128, False, True, False)))
    report = driver.run(program)
    for d, values in pairs:
        assert (driver.download(d) == values).all(), (config.name, SEED)
    assert report.macs == len(pairs) * 9 * n * n
    assert [x.flags for x in transport.programs[0]] == [x.flags for x in program.descriptors]
    # Run again: the same results, in the same places.
    driver.run(program)
    assert (driver.download(pairs[-1][0]) == pairs[-1][1]).all()


def test_missing_fence_would_show() -> None:
    """The test transport stores late: without its FENCE the second GEMM reads old memory."""
    driver, _ = device()
    a, b = driver.upload_a(np.full((4, 4), 3)), driver.upload_b(np.eye(4, dtype=int))
    program = driver.program()
    last = program.gemm(program.gemm(a, b), b)
    driver.run(program)
    assert (driver.download(last) == 3).all()
    second = program.descriptors[1]
    blind = Descriptor.unpack(second.pack()[:1] + b"\0" + second.pack()[2:])
    broken = driver.program()
    driver.transport.write_memory(second.a_addr, bytes(256))
    broken.append(program.descriptors[0])
    broken.append(blind)
    driver.run(broken)
    assert not (driver.download(last) == 3).all()


def test_report() -> None:
    driver, _ = device()
    reports: list[Report] = []
    driver.gemm(np.ones((3, 4), int), np.ones((4, 5), int), on_report=reports.append)
    (report,) = reports
    assert report.counters == {name: 1000 + i for i, name in enumerate(COUNTERS)}
    assert (report.macs, report.peak_macs, report.cycles) == (60, 256, 1000)
    assert report.utilization == 60 / 256_000
    assert report.padded_macs == report.counters["EXEC_BUSY"] * 256 - 60


def test_report_without_counters() -> None:
    driver, _ = device(preset("tiny"))
    reports: list[Report] = []
    driver.gemm([[1]], [[1]], on_report=reports.append)
    assert reports[0].counters == {}
    assert reports[0].cycles is None


def test_addresses_above_four_gigabytes() -> None:
    """PROGRAM_HI: a device whose memory the driver takes from a high address on."""
    written: dict[int, int] = {}
    beyond = [Window(1 << 33, (1 << 34) - 1)]

    class High(GoldenTransport):
        memory_size = (1 << 33) + (1 << 16)  # type: ignore[assignment]

        def write_memory(self, address: int, data: Any) -> None:
            super().write_memory(address - (1 << 33), data)

        def write_register(self, offset: int, value: int) -> None:
            written[offset] = value
            super().write_register(offset, value)

        def _windows(self) -> list[Window]:
            return [Window(w.base - (1 << 33), w.limit) for w in super()._windows()] + beyond

        def _run(self, address: int, count: int) -> Any:
            assert address >> 32 == 2
            return super()._run(address - (1 << 33), count)

    config = preset("server")
    driver = Driver(config, High(config), reserved=1 << 33)
    assert driver.isolation is not None
    assert driver.isolation.read(0) == Window(1 << 33, (1 << 33) + (1 << 16) - 1)
    program = driver.program()
    a, b = driver.upload_a([[1]]), driver.upload_b([[1]])
    program.gemm(a, b)
    assert program.descriptors[0].a_addr == 1 << 33
    # The golden machine has no such memory: it answers with a bus error, at that address.
    with pytest.raises(errors.ReadResponseError) as caught:
        driver.run(program)
    assert caught.value.address == 1 << 33
    assert written[0x054] == 2


# Identification.


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("ID", 0, "register ID must read 0x4d415457 for edge, not 0x00000000"),
        ("VERSION", 0x200, "register VERSION must read 0x00000100 for edge, not 0x00000200"),
        (
            "CONFIG_HASH",
            0x1234,
            f"register CONFIG_HASH must read 0x{EDGE.digest[:8]} for edge, not 0x00001234",
        ),
        ("ARRAY", 0, "register ARRAY must read 0x01010010 for edge, not 0x00000000"),
    ],
)
def test_wrong_device(name: str, value: int, message: str) -> None:
    transport = GoldenTransport(EDGE)
    transport.registers[name] = value
    with pytest.raises(IdentificationError, match=f"^{message}$"):
        Driver(EDGE, transport)


# Errors of the device.


def bad(**fields: int) -> Descriptor:
    values = {
        "m": 1,
        "n": 1,
        "k": 1,
        "tile_rows": 1,
        "a_stride": 64,
        "b_stride": 256,
        "d_stride": 64,
        "a_addr": 0x1000,
        "b_addr": 0x2000,
        "d_addr": 0x3000,
    }
    return Descriptor(**(values | fields))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("descriptor", "kind"),
    [
        (bad(opcode=2), errors.OpcodeError),
        (bad(m=0), errors.SizeError),
        (bad(tile_rows=0), errors.TileError),
        (bad(a_addr=0x1001), errors.AlignmentError),
        (bad(a_addr=1 << 40), errors.AddressError),
        (bad(a_addr=0xE000_0000), errors.WindowError),
        (bad(d_addr=0xE000_0000), errors.WindowError),
        (bad(a_addr=0xF000_0000), errors.ReadResponseError),
        (bad(d_addr=0xF000_0000), errors.WriteResponseError),
    ],
    ids=lambda x: getattr(x, "__name__", ""),
)
def test_hardware_error(descriptor: Descriptor, kind: type[errors.HardwareError]) -> None:
    driver, transport = device()
    assert driver.isolation is not None
    driver.isolation.open_bytes(1, 0xF000_0000, 1)  # where there is no memory
    before = driver.memory.free_bytes
    program = driver.program()
    program.append(bad())
    program.append(descriptor)
    with pytest.raises(kind) as caught:
        driver.run(program)
    assert caught.value.index == 1
    # A refused descriptor is named by its own address: the program is the only buffer, so at 0.
    address = 0xF000_0000 if caught.value.code >= Error.READ_RESPONSE else 64
    assert caught.value.address == address
    assert transport.resets == 1
    assert driver.memory.free_bytes == before
    assert (driver.gemm([[3]], [[4]]) == 12).all(), "the device must go on after the error"


def test_timeout() -> None:
    driver, transport = device()
    transport.hang = True
    before = driver.memory.free_bytes
    message = (
        "the program must end within 500 cycles, but STATUS is 0x1 (busy) with 0 descriptors "
        "complete"
    )
    with pytest.raises(DriverTimeout, match=f"^{re.escape(message)}$") as caught:
        driver.gemm([[1]], [[1]], timeout_cycles=500)
    assert (caught.value.status, caught.value.completed) == (1, 0)
    assert isinstance(caught.value, TimeoutError)
    assert transport.resets == 1
    assert driver.memory.free_bytes == before
    transport.hang = False
    assert (driver.gemm([[3]], [[4]]) == 12).all()


def test_end_just_after_the_time_is_no_error() -> None:
    driver, transport = device()
    transport.late = 1
    assert (driver.gemm([[3]], [[4]]) == 12).all()
    assert transport.resets == 0


@pytest.mark.parametrize("status", [1, 4])
def test_device_found_busy_or_in_error_is_reset_to_open_its_window(status: int) -> None:
    transport = GoldenTransport(EDGE)
    transport.registers["STATUS"] = status
    driver = Driver(EDGE, transport)
    assert transport.resets == 1
    assert (driver.gemm([[3]], [[4]]) == 12).all()


@pytest.mark.parametrize("status", [1, 4])
def test_device_found_busy_or_in_error_is_reset(status: int) -> None:
    driver, transport = device()
    transport.registers["STATUS"] = status
    assert (driver.gemm([[3]], [[4]]) == 12).all()
    assert transport.resets == 1


def test_reset_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation_module, "RESET_POLLS", 10)
    driver, transport = device()
    transport.reset_polls = 10
    message = "^a soft reset must end within 10 reads of STATUS, which is 0x8$"
    with pytest.raises(DriverTimeout, match=message):
        driver.reset()
    transport.reset_polls = 9
    driver.reset()


# Errors of the caller.


def test_empty_program() -> None:
    driver, _ = device()
    with pytest.raises(OperandError, match="^a program must have at least one descriptor$"):
        driver.run(driver.program())


def test_freed_operand_is_not_run() -> None:
    driver, _ = device()
    a, b = driver.upload_a([[1]]), driver.upload_b([[1]])
    table = driver.upload_table([1], n=1)
    for operand, name in ((a, "a"), (b, "b"), (table, "table")):
        program = driver.program()
        program.gemm(a, b, table=table)
        address, size = operand.buffer.address, operand.buffer.size
        operand.buffer.freed = True
        with pytest.raises(
            OperandError, match=f"^{name} must still be in device memory, but was freed$"
        ):
            driver.run(program)
        operand.buffer.freed = False
        assert (operand.buffer.address, operand.buffer.size) == (address, size)


def test_freed_result_is_not_downloaded() -> None:
    driver, _ = device()
    result = driver.program().gemm(driver.upload_a([[1]]), driver.upload_b([[1]]))
    result.free()
    message = "^the result must still be in device memory, but was freed$"
    with pytest.raises(OperandError, match=message):
        driver.download(result)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"raw": True, "scale": 1.0},
            "scale must not be given for a raw result, which is not scaled",
        ),
        ({"zero_point": 3}, "a raw result must have zero_point 0 and be signed"),
        ({"scale": [1.0, 1.0]}, "scale must be one number or 1, one a column, "),
        ({"bias": [1, 2]}, "bias must have 1 values, one a column, not 2"),
    ],
)
def test_gemm_refuses(options: dict[str, Any], message: str) -> None:
    driver, _ = device()
    before = driver.memory.free_bytes
    with pytest.raises(OperandError, match=f"^{re.escape(message)}"):
        driver.gemm([[1]], [[1]], **options)
    with pytest.raises(OperandError, match="^b must have 2 rows, the columns of a, not 1$"):
        driver.gemm([[1, 2]], [[1]])
    assert driver.memory.free_bytes == before


def test_out_of_memory_names_the_operand() -> None:
    driver, _ = device(size=4096)
    with pytest.raises(
        OutOfMemory,
        match=r"must have 16384 bytes free in one piece for an a of 64 x 256, not 4096 \(4096 in",
    ):
        driver.upload_a(np.zeros((64, 256), int))


def test_memory_is_that_of_both_device_and_addresses() -> None:
    config = AcceleratorConfig(rows=4, cols=4, bus=Bus(data_width=32, addr_width=16))
    driver = Driver(config, GoldenTransport(config, 1 << 20), reserved=100)
    assert driver.memory.free_bytes == (1 << 16) - 128
    assert driver.allocate(1).address == 128
    assert driver.isolation is not None
    assert driver.isolation.read(0) == Window(0, (1 << 16) - 1)


def test_unsigned_activations_count_from_the_middle() -> None:
    """The lower level passes uint8 as the machine sees it: q stands for q - 128."""
    driver, _ = device()
    a = driver.upload_a(np.array([[130, 0]], np.uint8))
    assert isinstance(a, Activations) and a.unsigned
    program = driver.program()
    result = program.gemm(a, driver.upload_b([[1], [10]]), raw=True)
    driver.run(program)
    assert driver.download(result).tolist() == [[2 - 1280]]


# Privileges.


def test_the_driver_opens_its_memory_and_no_more() -> None:
    transport = GoldenTransport(EDGE, 1 << 16)
    driver = Driver(EDGE, transport, reserved=0x3000)
    assert driver.isolation is not None
    windows = [driver.isolation.read(i) for i in range(EDGE.bus.windows)]
    assert windows == [Window(0x3000, 0xFFFF), None, None, None]
    assert (driver.gemm([[3]], [[4]]) == 12).all()
    program = driver.program()
    program.append(bad(a_addr=0x2FC0, b_addr=0x4000, d_addr=0x5000))
    with pytest.raises(errors.WindowError) as caught:
        driver.run(program)
    assert (caught.value.index, caught.value.address) == (0, 0x3000)
    assert (driver.gemm([[3]], [[4]]) == 12).all()


def test_without_privileges_the_privileged_page_is_left_alone() -> None:
    transport = GoldenTransport(EDGE)
    transport.registers["STATUS"] = 1
    driver = Driver(EDGE, transport, privileged=False)
    assert driver.isolation is None
    assert transport.resets == 0
    # Nobody has opened a window: the machine does not even fetch the program.
    with pytest.raises(errors.WindowError) as caught:
        driver.gemm([[3]], [[4]])
    assert caught.value.index == 0
    with pytest.raises(
        OperandError, match="^only a privileged driver may end a context, and this one is not$"
    ):
        driver.end_context()
    assert transport.contexts_ended == 0
    assert max(transport.touched) < PRIVILEGED
    host = Isolation(EDGE, transport)
    while transport.read_register(0x044) & 8:
        pass
    host.open_bytes(3, 0, transport.memory_size)
    assert (driver.gemm([[3]], [[4]]) == 12).all()


def test_end_context() -> None:
    driver, transport = device()
    assert (driver.gemm([[3]], [[4]]) == 12).all()
    driver.end_context()
    assert transport.contexts_ended == 1
    assert transport.read_register(0x044) == 0, "the driver must wait for the end of the reset"
    assert driver.isolation is not None
    assert driver.isolation.read(0) is None
    with pytest.raises(errors.WindowError):
        driver.gemm([[3]], [[4]])
    assert (Driver(EDGE, transport).gemm([[3]], [[4]]) == 12).all()


def test_end_of_a_context_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolation_module, "RESET_POLLS", 10)
    driver, transport = device()
    transport.reset_polls = 50
    with pytest.raises(
        DriverTimeout, match="^a soft reset must end within 10 reads of STATUS, which is 0x8$"
    ):
        driver.end_context()


def test_a_window_that_another_has_locked() -> None:
    transport = GoldenTransport(EDGE)
    host = Isolation(EDGE, transport)
    host.open(0, Window(0, 0xFFF), lock=True)
    with pytest.raises(OperandError, match="^window 0 must not be locked, "):
        Driver(EDGE, transport)
    assert host.read(0) == Window(0, 0xFFF)
