# SPDX-License-Identifier: Apache-2.0
"""A run as a timeline: for Perfetto and Chrome's tracing, or as a figure."""

import json
from collections.abc import Iterable, Iterator
from html import escape

from .exact import Run
from .span import Span

__all__ = ["lanes", "tiles", "to_chrome", "to_svg"]

_WAITS = {
    "wait_activation": "waits for A",
    "wait_weight": "waits for B",
    "load_weight": "shifts weights in",
    "wait_accumulator": "waits for store",
}
_COLOURS = {
    "load A": "#4c78a8",
    "load B": "#72b7b2",
    "load table": "#9d755d",
    "execute": "#54a24b",
    "waits for A": "#e45756",
    "waits for B": "#f58518",
    "shifts weights in": "#eeca3b",
    "waits for store": "#ff9da6",
    "store": "#b279a2",
}
_MOST_TILES = 100_000
_WIDTH, _LABEL, _LANE, _GAP, _TOP, _AXIS = 1200, 90, 26, 8, 56, 34
_KEY, _LETTER = 28, 6.5  # of the colours' names: around one, and of a letter
_NARROWEST = 0.5  # pixels; what is narrower is joined with what follows


def lanes(run: Run) -> dict[str, list[Span]]:
    """What happens at the same time: loads, tiles of a chunk and a block, their waits, stores."""
    waits = [span._replace(name=_WAITS[span.name]) for span in run.executor.waits]
    return {
        "load": run.loader.spans,
        "execute": run.executor.spans,
        "array waits": waits,
        "store": run.storer.spans,
    }


def tiles(run: Run) -> Iterator[Span]:
    """Each tile, while its rows enter the array: what an execute span is made of, beside waits."""
    waits = {span.first: span.last + 1 for span in run.executor.waits}
    for span in run.executor.spans:
        row, end = span.place["rows"]
        start = span.first
        for k_panel in range(*span.place["k_panels"]):
            for n_panel in range(*span.place["n_panels"]):
                while start > span.first and start in waits:
                    start = waits[start]
                last = start + end - row - 1
                yield Span("tile", start, last, {"k_panel": k_panel, "n_panel": n_panel})
                start = last + 1


def to_chrome(run: Run, name: str) -> str:
    """JSON of the Trace Event Format; a cycle is shown as a microsecond. Tiles are in it, below their
    chunk and block, unless they are more than 100,000."""
    events: list[dict[str, object]] = [
        {"ph": "M", "pid": 0, "tid": 0, "name": "process_name", "args": {"name": name}}
    ]
    found = lanes(run)
    if sum(map(_tiles_of, run.executor.spans)) <= _MOST_TILES:
        found["execute"] = [*found["execute"], *tiles(run)]
    for tid, (lane, spans) in enumerate(found.items(), start=1):
        label = {"ph": "M", "pid": 0, "tid": tid, "name": "thread_name", "args": {"name": lane}}
        order = {
            "ph": "M",
            "pid": 0,
            "tid": tid,
            "name": "thread_sort_index",
            "args": {"sort_index": tid},
        }
        events += [label, order]
        events += [
            {
                "ph": "X",
                "pid": 0,
                "tid": tid,
                "ts": span.first,
                "dur": span.cycles,
                "name": span.name,
                "args": span.place,
            }
            for span in spans
        ]
    return json.dumps({"displayTimeUnit": "ns", "traceEvents": events})


def _tiles_of(span: Span) -> int:
    (k_first, k_end), (n_first, n_end) = span.place["k_panels"], span.place["n_panels"]
    return int((k_end - k_first) * (n_end - n_first))


def to_svg(run: Run, title: str) -> str:
    """A figure that any browser shows; a span says what it is when pointed at."""
    found = lanes(run)
    height = _TOP + len(found) * (_LANE + _GAP) + _AXIS
    scale = (_WIDTH - _LABEL - 20) / run.cycles
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
        f'width="{_WIDTH}" height="{height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>',
        f'<text x="{_LABEL}" y="20" font-size="14">{escape(title)}</text>',
        *_legend({span.name for spans in found.values() for span in spans}),
    ]
    for i, (lane, spans) in enumerate(found.items()):
        y = _TOP + i * (_LANE + _GAP)
        parts.append(f'<text x="{_LABEL - 8}" y="{y + 17}" text-anchor="end">{lane}</text>')
        parts.append(
            f'<rect x="{_LABEL}" y="{y}" width="{run.cycles * scale:.1f}" height="{_LANE}" '
            'fill="#f4f4f4"/>'
        )
        for span in _joined(spans, _NARROWEST / scale):
            parts.append(
                f'<rect x="{_LABEL + (span.first - 1) * scale:.2f}" y="{y}" '
                f'width="{max(_NARROWEST, span.cycles * scale):.2f}" height="{_LANE}" '
                f'fill="{_COLOURS[span.name]}" stroke="white" stroke-width="0.3">'
                f"<title>{escape(_words(span))}</title></rect>"
            )
    parts += _axis(run.cycles, scale, height - _AXIS + 4)
    return "\n".join([*parts, "</svg>", ""])


def _legend(names: set[str]) -> Iterator[str]:
    x = float(_LABEL)
    for name, colour in _COLOURS.items():
        if name in names:
            yield f'<rect x="{x:.1f}" y="31" width="12" height="12" fill="{colour}"/>'
            yield f'<text x="{x + 16:.1f}" y="42">{name}</text>'
            x += _KEY + _LETTER * len(name)


def _joined(spans: Iterable[Span], narrowest: float) -> list[Span]:
    """Spans in their order; those too narrow to be seen are one with the next of their name."""
    result: list[Span] = []
    for span in spans:
        if result:
            last = result[-1]
            near = span.first - last.last <= max(1, narrowest)
            if last.name == span.name and near and last.cycles < narrowest:
                result[-1] = Span(span.name, last.first, max(last.last, span.last), {})
                continue
        result.append(span)
    return result


def _words(span: Span) -> str:
    place = "".join(
        f", {name.replace('_', ' ')} "
        + (f"{value[0]} to {value[1] - 1}" if isinstance(value, list) else str(value))
        for name, value in span.place.items()
    )
    return f"{span.name}{place}: cycles {span.first:,} to {span.last:,}"


def _axis(cycles: int, scale: float, y: int) -> list[str]:
    step = 1
    while cycles / step > 10:
        step *= 10 if cycles / step > 50 else 5 if cycles / step > 20 else 2
    marks = []
    for cycle in range(0, cycles + 1, step):
        x = _LABEL + cycle * scale
        marks.append(f'<path d="M{x:.1f} {y}v5" stroke="#888"/>')
        marks.append(f'<text x="{x:.1f}" y="{y + 18}" text-anchor="middle">{cycle:,}</text>')
    marks.append(f'<text x="{_LABEL - 8}" y="{y + 18}" text-anchor="end">cycle</text>')
    return marks
