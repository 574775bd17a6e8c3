# SPDX-License-Identifier: Apache-2.0
"""Single accesses to registers against a slave of any patience."""

from random import Random
from typing import Any

from amaranth.sim import Simulator

from matwright.system.access import RegisterAccess

SEED = 31
ACCESSES = 200
SLVERR = 2


def test_accesses() -> None:
    print(f"seed {SEED}")
    rng = Random(SEED)
    dut = RegisterAccess()
    axil: Any = dut.axil
    registers: dict[int, int] = {}
    accesses = [
        (rng.randrange(2), rng.randrange(1 << 11), rng.getrandbits(32)) for _ in range(ACCESSES)
    ]
    bad = {addr for _, addr, _ in accesses if rng.random() < 0.2}

    async def master(ctx: Any) -> None:
        expected: dict[int, int] = {}
        for write, addr, value in accesses:
            ctx.set(dut.addr, addr)
            ctx.set(dut.w_data, value)
            ctx.set(dut.write if write else dut.read, 1)
            await ctx.tick()
            ctx.set(dut.write, 0)
            ctx.set(dut.read, 0)
            ctx.set(dut.release, 0)
            while not ctx.get(dut.done):
                await ctx.tick()
            assert ctx.get(dut.error) == (addr in bad)
            if write and addr not in bad:
                expected[addr] = value
            if not write and addr not in bad:
                for _ in range(rng.randrange(4)):
                    assert ctx.get(axil.rdata) == expected.get(addr, 0)
                    assert ctx.get(dut.done)
                    await ctx.tick()
                assert ctx.get(axil.rdata) == expected.get(addr, 0)
                # The next read may begin in this cycle.
                ctx.set(dut.release, 1)
                if rng.random() < 0.5:
                    await ctx.tick()
                    ctx.set(dut.release, 0)
            else:
                await ctx.tick()
        assert registers == expected

    async def take(ctx: Any, channel: str, *payload: str) -> list[int]:
        """Accept one transfer after a while; until then nothing changes."""
        valid, ready = getattr(axil, f"{channel}valid"), getattr(axil, f"{channel}ready")
        while not ctx.get(valid):
            await ctx.tick()
        before = [ctx.get(getattr(axil, name)) for name in payload]
        for _ in range(rng.randrange(4)):
            await ctx.tick()
            assert ctx.get(valid)
        assert [ctx.get(getattr(axil, name)) for name in payload] == before
        ctx.set(ready, 1)
        await ctx.tick()
        ctx.set(ready, 0)
        return before

    async def answer(ctx: Any, channel: str, error: bool) -> None:
        for _ in range(rng.randrange(4)):
            await ctx.tick()
        ctx.set(getattr(axil, f"{channel}resp"), SLVERR * error)
        ctx.set(getattr(axil, f"{channel}valid"), 1)
        ready = 0
        while not ready:
            _, _, ready = await ctx.tick().sample(getattr(axil, f"{channel}ready"))
        ctx.set(getattr(axil, f"{channel}valid"), 0)
        ctx.set(getattr(axil, f"{channel}resp"), 0)

    async def writes(ctx: Any) -> None:
        while True:
            if rng.random() < 0.5:
                (addr,), (value, strb) = (
                    await take(ctx, "aw", "awaddr"),
                    await take(ctx, "w", "wdata", "wstrb"),
                )
            else:
                value, strb = await take(ctx, "w", "wdata", "wstrb")
                (addr,) = await take(ctx, "aw", "awaddr")
            assert strb == 0xF and addr % 4 == 0
            if addr // 4 not in bad:
                registers[addr // 4] = value
            await answer(ctx, "b", addr // 4 in bad)

    async def reads(ctx: Any) -> None:
        while True:
            (addr,) = await take(ctx, "ar", "araddr")
            ctx.set(axil.rdata, registers.get(addr // 4, 0))
            await answer(ctx, "r", addr // 4 in bad)
            ctx.set(axil.rdata, rng.getrandbits(32))

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    # In this order, so that the master sees what the slave has done in a cycle.
    simulator.add_testbench(writes, background=True)
    simulator.add_testbench(reads, background=True)
    simulator.add_testbench(master)
    simulator.run()
