"""The network in a report: its layers from the inputs on, with bars for their widths."""

from __future__ import annotations

from collections.abc import Iterator

from nnplug.network.network import Network
from nnplug.parts import LayerRow, layer_rows
from nnplug.runs.report.svg import INKS, clean, folding

__all__ = ["STYLE", "network_drawing"]

STYLE = """
table.network td { vertical-align: middle; }
table.network td.row { white-space: nowrap; }
table.network span.room { display: inline-block; width: 6rem; margin-right: .5em; }
table.network span.room span { display: inline-block; height: .7em; min-width: 2px;
                               background: var(--ink); }
@media (max-width: 40rem) { table.network span.room { width: 2.5rem; } }
@media print { table.network { break-inside: avoid; }
               table.network span.room span { print-color-adjust: exact; } }
"""

_MOST = 200
"""So many lines are drawn; the rest are counted."""
_INDENT = 1.2
"""How far a layer within another is indented, in em."""


def network_drawing(network: Network) -> str:
    """Draw the layers as lines of a table; those that a layer holds are indented below it."""
    rows = list(layer_rows(network.placed))
    with_states = any(row.kept for row in rows)
    heads = ["layer", "parts", "width", "parameters", *["state"] * with_states]
    lines = ["<div class='wide'><table class='network'>"]
    texts, counts = heads[:3], heads[3:]
    named = [f"<th>{clean(head)}</th>" for head in texts]
    named += [f"<th class='number'>{clean(head)}</th>" for head in counts]
    lines.append(f"<tr>{''.join(named)}</tr>")
    widest = max(network.inputs, *(row.outputs for row in rows))
    first = LayerRow(0, "inputs", "", network.inputs, network.inputs, 0, 0)
    lines += (
        f"<tr>{''.join(_cells(row, widest, with_states=with_states))}</tr>"
        for row in (first, *rows[:_MOST])
    )
    lines.append("</table></div>")
    if len(rows) > _MOST:
        lines.append(f"<p>and {len(rows) - _MOST:,} more</p>")
    return "\n".join(lines)


def _cells(row: LayerRow, widest: int, *, with_states: bool) -> Iterator[str]:
    indent = f" style='padding-left: {_INDENT * row.depth:g}em'" if row.depth else ""
    yield f"<td{indent}>{folding(row.name)}</td>"
    yield f"<td>{clean(row.text)}</td>"
    share = f"{100 * row.outputs / widest:.3g}%"
    bar = f"<span class='room'><span class='{INKS[0]}' style='width: {share}'></span></span>"
    yield f"<td class='row'>{bar}{row.outputs:,}</td>"
    for count in (row.learned, row.kept)[: 1 + with_states]:
        yield f"<td class='number'>{f'{count:,}' if count else ''}</td>"
