# SPDX-License-Identifier: Apache-2.0
"""Bridge: frames on a serial line in, accesses to registers and memory out."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..bus.axi import axi4_lite
from .access import RegisterAccess
from .crc import Crc
from .frames import FrameTracker, Phase
from .link import Space
from .page import LinkPage
from .span import Span
from .uart import Uart
from .words import WORD_BITS, WORD_BYTES, WordPort, word_port

__all__ = ["Bridge"]


class Bridge(wiring.Component):
    """The device's end of the link, docs/reference/link.md.

    ``axil`` reaches registers, ``words`` a memory of ``memory_bytes``, ``irq`` is shown on the link page;
    ``clock_hz`` is only told to the host.

    All that a frame says is taken bit by bit: it is checked as it comes, and every register is part of a
    ring or chain that shifts, so that the same wires receive and send. A word of memory has to be taken
    by ``words`` within the 2 * ``divisor`` - 1 cycles between the last bit of a word and the next data bit.

    An answer waits for accesses that take long. An error of the first register that a frame reads is
    REFUSED, one of a later register makes the CRC of the answer wrong.
    """

    rx: Signal  # In, 1
    tx: Signal  # Out, 1
    irq: Signal  # In, 1
    axil: Any  # Out, axi4_lite()
    words: WordPort  # Out, word_port(bits of memory_bytes / 4)

    def __init__(self, memory_bytes: int, divisor: int, clock_hz: int) -> None:
        self.memory_bytes = memory_bytes
        self.divisor = divisor
        self.clock_hz = clock_hz
        addr_width = max(1, (memory_bytes // WORD_BYTES - 1).bit_length())
        super().__init__(
            {
                "rx": In(1),
                "tx": Out(1),
                "irq": In(1),
                "axil": Out(axi4_lite()),
                "words": Out(word_port(addr_width)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.uart = uart = Uart(self.divisor)
        m.submodules.frames = frames = FrameTracker()
        m.submodules.crc = crc = Crc()
        m.submodules.span = span = Span(self.memory_bytes)
        m.submodules.access = access = RegisterAccess()
        connect(m, access.axil, flipped(self.axil))

        talk, end, byte = frames.talk, frames.ended, frames.byte
        bit, data, index = uart.value, uart.data, Cat(uart.index, frames.byte)
        first = frames.phase == Phase.FIRST
        word_part = frames.phase == Phase.WORD
        hears = data & ~talk

        # What the command says, and the numbers of this frame and of the last write that was done.
        command = Signal(3, reset_less=True)
        write, space = command[0], Space(command[1:])
        number, done_number = Signal(8, reset_less=True), Signal(8)
        same = Signal(reset_less=True)
        with m.If(hears & first & (byte == 1) & uart.index.matches(*range(len(command)))):
            m.d.sync += command.eq(Cat(command[1:], bit))
        with m.If(data & first & byte[1] & (talk | ~byte[0])):
            m.d.sync += number.eq(Cat(number[1:], bit))
        with m.If(data & first & byte[1] & (talk == byte[0])):
            turned = Mux(talk, bit, done_number[0])
            m.d.sync += done_number.eq(Cat(done_number[1:], turned))
        with m.If(hears & first & ~byte[0]):
            m.d.sync += same.eq((same & (bit == done_number[0])) | ~byte[1])

        # What is wrong with the frame.
        refused, wrong = Signal(reset_less=True), Signal(reset_less=True)
        refuse = Signal()
        different = bit ^ uart.index[2] ^ ~uart.index[0]  # from the bit of a REQUEST
        unknown = bit & (uart.index[2] | (uart.index[1] & (uart.index[0] | command[1:].any())))
        with m.Switch(frames.phase):
            with m.Case(Phase.FIRST):
                m.d.comb += refuse.eq(data & ~byte[1] & Mux(byte[0], unknown, different))
            with m.Case(Phase.ADDRESS):
                within = data & (index[1:] == 0) & bit
                m.d.comb += refuse.eq(within | (end & span.outside))
            with m.Case(Phase.WORD):
                m.d.comb += refuse.eq(end & ~span.last & command[1])
        clear = frames.idle & ~uart.receiving
        m.d.sync += refused.eq(~clear & (refused | (refuse & ~talk) | access.error))
        with m.If(hears):
            m.d.sync += wrong.eq((frames.phase == Phase.CRC) & (wrong | crc.differs))

        # Accesses. A word of memory is written as soon as it is there.
        word = Signal(WORD_BITS, reset_less=True)
        pending = Signal()
        heard = Signal()
        fetch = Signal()
        store = Signal()
        memory = space == Space.MEMORY
        registers = space == Space.REGISTERS
        m.d.comb += [
            heard.eq(end & ~talk & (frames.phase == Phase.CRC) & ~wrong & ~refused),
            fetch.eq((heard & ~write) | (end & talk & word_part & ~span.last)),
            store.eq(end & ~talk & word_part & ~refused & ~same),
            access.read.eq(fetch & registers),
            access.write.eq(heard & frames.payload & ~same & registers),
        ]
        with m.If(data & frames.phase.as_value()[1]):
            m.d.sync += word.eq(Cat(word[1:], bit))
        with m.If(self.words.r_valid):
            m.d.sync += word.eq(self.words.r_data)
        asks = self.words.valid
        m.d.sync += [
            asks.eq((memory & (fetch | store)) | (asks & ~self.words.ready)),
            pending.eq(
                (fetch & ~command[2])
                | access.write
                | (pending & ~(self.words.r_valid | access.done))
            ),
        ]
        m.d.comb += [
            self.words.write.eq(~talk),
            self.words.addr.eq(span.addr),
            self.words.w_data.eq(word),
            access.addr.eq(span.addr),
            access.w_data.eq(word),
            access.release.eq(end & talk & word_part),
        ]

        # What is sent. The address turns while a word is, so the page has its own.
        m.submodules.page = page = LinkPage(self.memory_bytes, self.divisor, self.clock_hz)
        page_word = Signal(len(page.word), reset_less=True)
        with m.If(end):
            m.d.sync += page_word.eq(span.addr)
        m.d.comb += [page.word.eq(page_word), page.index.eq(index), page.irq.eq(self.irq)]
        done = write & ~refused & ~wrong
        with m.Switch(frames.phase):
            with m.Case(Phase.FIRST):
                with m.Switch(byte):
                    with m.Case(0):
                        m.d.comb += uart.send.eq(uart.index[2] ^ uart.index[0])
                    with m.Case(1):
                        status = Cat(wrong & ~refused, refused)
                        m.d.comb += uart.send.eq(status.bit_select(uart.index, 1))
                    with m.Case(2):
                        m.d.comb += uart.send.eq(number[0])
                    with m.Case(3):
                        m.d.comb += uart.send.eq(Mux(done, number[0], done_number[0]))
            with m.Case(Phase.CRC):
                m.d.comb += uart.send.eq(crc.next ^ (frames.payload & refused))
            with m.Default():
                register = self.axil.rdata.bit_select(index, 1)
                with m.Switch(space):
                    with m.Case(Space.MEMORY):
                        m.d.comb += uart.send.eq(word[0])
                    with m.Case(Space.REGISTERS):
                        m.d.comb += uart.send.eq(register)
                    with m.Default():
                        m.d.comb += uart.send.eq(page.value)

        # The parts.
        m.d.comb += [
            uart.rx.eq(self.rx),
            self.tx.eq(uart.tx),
            uart.talk.eq(talk),
            uart.hold.eq(pending),
            frames.done.eq(uart.done),
            frames.broken.eq(uart.broken),
            frames.gap.eq(uart.gap),
            frames.different.eq(refused),
            frames.wrong.eq(wrong),
            frames.write.eq(write),
            frames.refused.eq(refused),
            frames.last.eq(span.last),
            crc.start.eq((first & (byte == 0)) | (end & (frames.phase == Phase.CRC))),
            crc.step.eq(data),
            crc.value.eq(bit),
            span.value.eq(bit),
            span.data.eq(data),
            span.index.eq(index),
            span.phase.eq(frames.phase),
            span.talk.eq(talk),
            span.ended.eq(end),
            span.word.eq(word),
            span.space.eq(space),
        ]
        return m
