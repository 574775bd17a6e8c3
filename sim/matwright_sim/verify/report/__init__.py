# SPDX-License-Identifier: Apache-2.0
"""The report of a campaign: JSON, and one HTML file that asks nothing of a network."""

import json
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any

from ...files import replace_text
from ...page import base_style, fill
from ..campaign import Campaign

__all__ = ["render", "write_report"]

_HERE = Path(__file__).parent
_MOST_OPEN = 24
"""Rows of a table that are shown without a click."""


def write_report(campaign: Campaign) -> tuple[Path, Path]:
    """Writes ``verify.json`` and ``verify.html`` into the campaign's folder."""
    data = campaign.data()
    numbers, page = campaign.folder / "verify.json", campaign.folder / "verify.html"
    replace_text(numbers, json.dumps(data, indent=1) + "\n")
    replace_text(page, render(data))
    return numbers, page


def render(data: Mapping[str, Any]) -> str:
    """The report of :meth:`.Campaign.data`, as HTML."""
    parts = {
        "TITLE": escape(f"{data['config']} - verification"),
        "STYLE": base_style() + (_HERE / "report.css").read_text(encoding="utf-8"),
        "NAME": escape(data["config"]),
        "VERDICT": _verdict(data),
        "SUMMARY": escape(_summary(data)),
        "ROWS": "\n".join(_row(check) for check in data["checks"]),
        "SECTIONS": "\n".join(_section(check) for check in data["checks"]),
        "TOML": escape(data["toml"]),
        "TOOLS": _list(f"{name} {version}" for name, version in data["tools"].items()),
    }
    return fill((_HERE / "report.html").read_text(encoding="utf-8"), parts)


def _verdict(data: Mapping[str, Any]) -> str:
    statuses = [check["status"] for check in data["checks"]]
    failed, passed = statuses.count("failed"), statuses.count("passed")
    left = len(statuses) - failed - passed
    kind = "failed" if failed else "not-run" if left else "passed"
    words = [f"{failed} failed"] * bool(failed) + [f"{passed} passed"] * bool(passed)
    words += [f"{left} not run"] * bool(left)
    return f'<span class="chip {kind}">{escape(", ".join(words))}</span>'


def _summary(data: Mapping[str, Any]) -> str:
    return (
        f"{data['mode']} campaign, seed {data['seed']}, {data['seconds']:,} s; "
        f"Matwright {data['version']}, configuration {data['config_sha256'][:16]}"
    )


def _chip(status: str) -> str:
    return f'<span class="chip {status.replace(" ", "-")}">{status}</span>'


def _row(check: Mapping[str, Any]) -> str:
    shown = [f"{figure['name']} {_value(figure['value'])}" for figure in check["figures"][:4]]
    told = check["reason"] or "; ".join(shown)
    seconds = f"{check['seconds']:,}" if check["status"] != "not run" else ""
    name = escape(check["name"])
    return (
        f'<tr><td><a href="#{name}">{name}</a></td><td>{_chip(check["status"])}</td>'
        f'<td>{escape(told)}</td><td class="number">{check["seed"]}</td>'
        f'<td class="number">{seconds}</td></tr>'
    )


def _section(check: Mapping[str, Any]) -> str:
    return "\n".join(_section_parts(check))


def _section_parts(check: Mapping[str, Any]) -> Iterator[str]:
    yield f'<section id="{escape(check["name"])}">'
    yield f"<h2>{escape(check['name'])} {_chip(check['status'])}</h2>"
    yield f"<p>{escape(check['title'])}</p>"
    if check["reason"]:
        yield f'<p class="reason">{escape(check["reason"])}</p>'
    if check["figures"]:
        rows = [
            (
                figure["name"],
                figure["value"],
                figure["goal"] + ("" if figure["met"] else " - missed"),
            )
            for figure in check["figures"]
        ]
        goals = any(figure["goal"] for figure in check["figures"])
        columns = ("figure", "value", "goal") if goals else ("figure", "value")
        yield _table(columns, [row[: len(columns)] for row in rows])
    for failure in check["failures"]:
        seed = "" if failure["seed"] is None else f" (seed {failure['seed']})"
        yield f'<p class="reason">{escape(failure["what"] + seed)}</p>'
        yield f"<pre>{escape(failure['replay'])}</pre>"
    if check["command"] and not check["failures"]:
        yield f"<pre>{escape(check['command'])}</pre>"
    for sheet in check["sheets"]:
        made = _table(sheet["columns"], sheet["rows"])
        title = escape(sheet["title"])
        if len(sheet["rows"]) > _MOST_OPEN:
            count = f"{len(sheet['rows']):,} rows"
            yield f"<details><summary>{title} ({count})</summary>{made}</details>"
        else:
            yield f"<h3>{title}</h3>{made}"
    if check["notes"]:
        yield _list(check["notes"])
    yield "</section>"


def _table(columns: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "\n".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>'


def _cell(value: Any) -> str:
    number = isinstance(value, (int, float))
    kind = ' class="number"' if number else ""
    return f"<td{kind}>{escape(_value(value))}</td>"


def _value(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"
