# SPDX-License-Identifier: Apache-2.0
"""The report of a sweep: whole, without a network, and in a browser."""

import json
import re
import time
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chromium import Browser, find_chromium

from matwright_sim.sweep import Results, Sweep
from matwright_sim.sweep.measure import Measured
from matwright_sim.sweep.report import render, report_data, write_report

MadeUp = Callable[..., Results]


class _Page(HTMLParser):
    """What a page fetches, and its data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.data = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]
        self._inside = ("id", "data") in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data


def _toml(data: dict[str, Any], place: int) -> str:
    """The text of a point, put together as the page does."""
    lines = list(data["toml"]["lines"])
    for line, variants, index in data["toml"]["varying"]:
        lines[line] = variants[index[place]]
    return "\n".join(lines) + "\n"


def test_the_data_is_all_there(small: dict[str, Any], made_up: MadeUp) -> None:
    results = made_up(Sweep.from_dict(small))
    page = _Page(render(report_data(results)))
    data = json.loads(page.data)
    legal = [point for point in results.points if point.config is not None]
    assert data["points"] == [point.number for point in legal]
    columns = {column["name"]: column["values"] for column in data["columns"]}
    for place, point in enumerate(legal):
        assert point.config is not None
        assert _toml(data, place) == point.config.to_toml()
        row = results.rows[point.number]
        for name, values in columns.items():
            assert values[place] == pytest.approx(row[name], rel=1e-5)
    assert sum(len(points) for _, points in data["illegal"]) == results.counts["illegal"]


def test_nothing_is_fetched_and_nothing_ends_the_data(
    small: dict[str, Any], made_up: MadeUp, tmp_path: Path
) -> None:
    evil = "</script><script>alert(1)</script><!--"
    gemms = [{"m": 1, "n": 2, "k": 3, "name": evil}]
    results = made_up(Sweep.from_dict(small | {"workload": [{"name": "w", "gemms": gemms}]}))
    write_report(results, tmp_path)
    text = (tmp_path / "report.html").read_text()
    page = _Page(text)
    assert page.links == []
    assert not re.search("(https?:)?//[a-z]+[.]", re.sub("// .*", "", text))
    assert json.loads(page.data)["gemms"]["list"][0][1] == evil
    assert text.count("<script") == 2 and text.count("<!--") == 1


def test_ten_thousand_points_are_a_file_one_can_mail(
    small: dict[str, Any], made_up: MadeUp
) -> None:
    text = render(report_data(_large(small, made_up)))
    print(f"{len(text):,} bytes")
    assert len(text) < 4_000_000


def _large(small: dict[str, Any], made_up: MadeUp) -> Results:
    axes = {
        "rows": {"from": 4, "to": 80, "step": 4},
        "cols": {"from": 4, "to": 80, "step": 4},
        "load_rows": [1, 2, 4],
        "sram.weight_tiles": {"powers_of_two": [16, 128]},
        "build.sram_registers": [0, 1],
        "sram.activation_rows": [1024],
    }
    base = {"build": {"post_lanes": 1}, "bus": {"data_width": 32}}
    results = made_up(Sweep.from_dict(small | {"axes": axes, "base": base}))
    assert results.counts["ok"] == 9600
    return results


# In a browser.


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    found = find_chromium()
    if found is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    with Browser(found, tmp_path / "profile") as browser:
        yield browser


def _open(browser: Browser, results: Results, folder: Path, fragment: str = "") -> None:
    write_report(results, folder)
    url = (folder / "report.html").as_uri() + fragment
    browser.open(url, "document.documentElement?.dataset.ready")


def test_the_report_at_work(
    browser: Browser, small: dict[str, Any], made_up: MadeUp, tmp_path: Path
) -> None:
    results = made_up(Sweep.from_dict(small))
    _open(browser, results, tmp_path)
    shown = "document.querySelector('#shown').textContent"
    front = len(results.front("multipliers", "a.cycles"))
    assert browser.value(shown) == f"10 of 10 points, {front} on the front"

    # One click from a row of the table to its TOML; it is sorted by cycles.
    best = min((row for row in results.rows if row["a.cycles"]), key=lambda row: row["a.cycles"])
    config = results.points[best["point"]].config
    assert config is not None
    browser.click(".row")
    assert browser.value("document.querySelector('#toml').textContent") == config.to_toml()
    browser.click("#copy")
    time.sleep(0.3)
    assert browser.value("document.querySelector('#copied').textContent") == "copied"
    assert browser.value("location.hash") == f"#point={best['point']}"

    # A heading sorts, and sorts the other way.
    first = "document.querySelector('.row').children[0].textContent"
    browser.click("#head button")
    numbers = sorted(row["point"] for row in results.rows if row["status"] == "ok")
    assert browser.value(first) == str(numbers[0])
    browser.click("#head button")
    assert browser.value(first) == str(numbers[-1])

    # A range of the first axis, rows: the lower half has its lowest value.
    left, top, _, height = browser.place("#lines")
    browser.drag((left + 60, top + height - 2), (left + 60, top + height - 40))
    few = [row["point"] for row in results.rows if row["status"] == "ok" and row["rows"] == 4]
    assert browser.value(shown).startswith(f"{len(few)} of 10 points, ")
    browser.drag((left + 60, top + height - 60))
    assert browser.value(shown).startswith("10 of 10 points, ")

    # Only the front, and a point of it on the chart.
    browser.click("#only-front")
    assert browser.value("document.querySelectorAll('.row').length") == front
    picture = browser.screenshot(tmp_path / "report.png")
    assert len(picture) > 50_000
    assert _drawn(browser, "#scatter") > 0.01 and _drawn(browser, "#lines") > 0.01
    assert all(url.startswith("file:") for url in browser.requests())
    assert browser.complaints() == []


def test_a_link_to_a_point_and_what_failed(
    browser: Browser, small: dict[str, Any], made_up: MadeUp, tmp_path: Path
) -> None:
    sweep = Sweep.from_dict(small | {"metrics": {"rtl": {"max_macs": 300}}})
    results = made_up(sweep, rtl={0: Measured(reason="no luck")})
    _open(browser, results, tmp_path, "#point=0")
    assert browser.value("document.querySelector('#details-reason').textContent") == (
        "failed: on the Verilog: no luck"
    )
    assert "1 failed, 2 not configurations" in browser.value("document.body.textContent")
    browser.click("#reasons summary")
    assert browser.value("document.querySelectorAll('#reasons li').length") == 2
    assert browser.complaints() == []


def test_ten_thousand_points_are_drawn_at_once(
    browser: Browser, small: dict[str, Any], made_up: MadeUp, tmp_path: Path
) -> None:
    start = time.monotonic()
    _open(browser, _large(small, made_up), tmp_path)
    print(f"{time.monotonic() - start:.1f} s to make and open")
    assert browser.value("document.querySelectorAll('.row').length") < 100
    took = browser.value(
        "(() => { const t = performance.now(); document.querySelector('#head button').click();"
        "return performance.now() - t; })()"
    )
    print(f"{took:.0f} ms to sort")
    assert took < 1000
    left, top, _, height = browser.place("#lines")
    start = time.monotonic()
    browser.drag((left + 60, top + height - 2), (left + 60, top + height - 60))
    print(f"{time.monotonic() - start:.1f} s to select")
    assert time.monotonic() - start < 10
    assert not browser.value("document.querySelector('#shown').textContent").startswith("9,600")
    assert browser.complaints() == []


def _drawn(browser: Browser, selector: str) -> float:
    """Part of a canvas that is not empty."""
    code = f"""(() => {{ const c = document.querySelector('{selector}');
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return 4 * n / d.length; }})()"""
    return float(np.float64(browser.value(code)))
