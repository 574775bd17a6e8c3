# SPDX-License-Identifier: Apache-2.0
"""The report of a campaign: all that was found, escaped, without a network, and in a browser."""

import json
import re
from pathlib import Path

import pytest
from chromium import Browser, find_chromium

from matwright.presets import PRESETS
from matwright_sim.verify.campaign import Campaign, run
from matwright_sim.verify.report import write_report

pytestmark = pytest.mark.usefixtures("made_up")


@pytest.fixture
def found(tmp_path: Path) -> Campaign:
    return run(PRESETS["tiny"], tmp_path, only=["good", "bad", "missed", "silent"], jobs=2)


def test_what_is_in_it(found: Campaign) -> None:
    numbers, page = write_report(found)
    assert json.loads(numbers.read_text()) == json.loads(json.dumps(found.data()))
    text = page.read_text()
    for words in (
        "2 failed, 1 passed, 1 not run",
        "&lt;share&gt;",
        "0.98765",
        "a&lt;b",
        "blocks &amp; parts",
        "D differs (seed 5)",
        f"matwright replay {found.folder / 'bad-1.json'}",
        "at least 0.98 - missed",
        "<pre>matwright verify tiny --quick --only missed --seed 1</pre>",
        "it has no counters",
        "compiler 1.2",
        "name = &quot;tiny&quot;",
    ):
        assert words in text, words
    assert not re.search("@[A-Z]+@|<script|(https?:)?//[a-z]+[.]", text)


def test_in_a_browser(found: Campaign, tmp_path: Path) -> None:
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    _, page = write_report(found)
    with Browser(chromium, tmp_path / "profile") as browser:
        browser.open(page.as_uri(), "document.querySelector('#made-with')")
        chips = "[...document.querySelectorAll('#overview .chip')].map((e) => e.textContent)"
        assert browser.value(chips) == ["passed", "failed", "failed", "not run"]
        browser.click("#overview a[href='#bad']")
        assert browser.value("location.hash") == "#bad"
        browser.click("#made-with summary")
        text = "document.querySelector('#made-with pre').textContent"
        assert browser.value(text) == PRESETS["tiny"].to_toml()
        assert len(browser.screenshot(tmp_path / "report.png")) > 20_000
        wide = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert browser.value(wide)
        assert all(url.startswith("file:") for url in browser.requests())
        assert browser.complaints() == []
