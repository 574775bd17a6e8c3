# SPDX-License-Identifier: Apache-2.0
"""Chromium without a window, driven over a pipe by the Chrome DevTools Protocol.

https://chromedevtools.github.io/devtools-protocol/; messages are JSON that end with a zero byte.
"""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from fcntl import F_DUPFD, fcntl
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Browser", "find_chromium"]

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
)
_PATIENCE = 60


def find_chromium() -> str | None:
    """Path of the browser; None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One page of a browser with a new profile."""

    def __init__(
        self, executable: str, profile: Path, width: int = 1400, height: int = 1500
    ) -> None:
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        flags = [*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"]

        def place() -> None:
            """The protocol is on descriptors 3 and 4, which may be one of these."""
            kept_in, kept_out = fcntl(theirs_in, F_DUPFD, 10), fcntl(theirs_out, F_DUPFD, 10)
            os.dup2(kept_in, 3)
            os.dup2(kept_out, 4)

        self._process = subprocess.Popen(
            [executable, *flags, "about:blank"],
            preexec_fn=place,
            pass_fds=[3, 4],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[dict[str, Any]] = []
        try:
            self._attach()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def _attach(self) -> None:
        targets = self.call("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        attached = self.call("Target.attachToTarget", targetId=page["targetId"], flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait(_PATIENCE)
        os.close(self._in)
        os.close(self._out)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """What the browser answers; what it tells meanwhile goes to ``events``."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            while b"\0" in self._buffer:
                text, self._buffer = self._buffer.split(b"\0", 1)
                answer = json.loads(text)
                if answer.get("id") == self._number:
                    assert "error" not in answer, answer
                    result: dict[str, Any] = answer["result"]
                    return result
                self.events.append(answer)
            if select.select([self._in], [], [], 1)[0]:
                part = os.read(self._in, 1 << 16)
                assert part, "the browser has gone"
                self._buffer += part
        raise TimeoutError(method)

    def open(self, url: str, ready: str) -> None:
        """Opens a page and waits until the expression ``ready`` is true."""
        self.call("Page.navigate", url=url)
        end = time.monotonic() + _PATIENCE
        while not self.value(f"Boolean({ready})"):
            assert time.monotonic() < end, f"{url} does not get ready: {self.complaints()}"
            time.sleep(0.05)

    def value(self, expression: str) -> Any:
        """What an expression of the page is."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def settle(self) -> None:
        """Waits until the page has drawn what was asked for."""
        self.call(
            "Runtime.evaluate",
            expression="new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))",
            awaitPromise=True,
        )

    def place(self, selector: str) -> tuple[float, float, float, float]:
        """Left, top, width and height of an element, which is scrolled into sight."""
        box = self.value(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();"
            "return [r.left, r.top, r.width, r.height]; })()"
        )
        left, top, width, height = box
        return left, top, width, height

    def click(self, selector: str) -> None:
        """Clicks the middle of an element, as a mouse does."""
        left, top, width, height = self.place(selector)
        self.drag((left + width / 2, top + height / 2))

    def drag(self, *way: tuple[float, float]) -> None:
        """Presses at the first place, moves along the others, and lets go."""
        for n, (x, y) in enumerate(way):
            if n == 0:
                self._mouse("mouseMoved", x, y)
                self._mouse("mousePressed", x, y)
            else:
                self._mouse("mouseMoved", x, y)
        self._mouse("mouseReleased", *way[-1])
        self.settle()

    def _mouse(self, kind: str, x: float, y: float) -> None:
        held = kind != "mouseMoved"
        self.call(
            "Input.dispatchMouseEvent",
            type=kind,
            x=x,
            y=y,
            button="left" if held else "none",
            buttons=1,
            clickCount=1 if held else 0,
        )

    def screenshot(self, path: Path) -> bytes:
        """Leaves a picture of the page."""
        data = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        path.write_bytes(data)
        return data

    def requests(self) -> list[str]:
        """Addresses that were asked for."""
        return [
            event["params"]["request"]["url"]
            for event in self.events
            if event.get("method") == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[Any]:
        """Exceptions, and what else the page wrote on its console."""
        kinds = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [event["params"] for event in self.events if event.get("method") in kinds]
