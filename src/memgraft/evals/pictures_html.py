"""Pictures as one web page that needs nothing else, by plotly: zoom, hover, hide a series."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from memgraft.core.errors import MissingExtra
from memgraft.core.folder import replaced
from memgraft.evals.pictures import Panel, Picture, edges, ring

COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f")
STYLE = "body{font:15px/1.5 sans-serif;max-width:1500px;margin:2em auto;padding:0 1em}"


def check_plotly() -> None:
    """Raise `MissingExtra` now rather than after hours of measuring."""
    _plotly()


def draw_html(pictures: Sequence[Picture], path: Path, title: str) -> Path:
    """Write all pictures into one page, plotly's script with them.

    Raises:
        MissingExtra: plotly is not installed.
    """
    parts = []
    for place, picture in enumerate(pictures):
        figure = _figure(picture)
        shown = figure.to_html(full_html=False, include_plotlyjs=place == 0, div_id=picture.name)
        parts.append(f"<h2>{escape(picture.title)}</h2>\n{shown}")
    page = (
        f"<!doctype html>\n<html lang='en'><head><meta charset='utf-8'><title>{escape(title)}"
        f"</title><style>{STYLE}</style></head><body>\n<h1>{escape(title)}</h1>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )
    with replaced(path) as part:
        part.write_text(page, encoding="utf-8")
    return path


def _plotly() -> tuple[Any, Any]:
    try:
        return import_module("plotly.graph_objects"), import_module("plotly.subplots")
    except ImportError as error:
        raise MissingExtra("interactive plots", "experiments") from error


def _figure(picture: Picture) -> Any:
    objects, subplots = _plotly()
    count = len(picture.panels)
    figure = subplots.make_subplots(
        rows=1, cols=count, subplot_titles=[p.title for p in picture.panels]
    )
    for column, panel in enumerate(picture.panels, start=1):
        for trace in _traces(objects, panel, column):
            figure.add_trace(trace, row=1, col=column)
        figure.update_xaxes(title_text=panel.x, row=1, col=column)
        figure.update_yaxes(title_text=panel.y, range=panel.limits, row=1, col=column)
        if panel.log_x:
            figure.update_xaxes(type="log", row=1, col=column)
        if panel.kind == "heatmap":
            figure.update_yaxes(autorange="reversed", row=1, col=column)
        if panel.kind == "graph":
            figure.update_xaxes(visible=False, row=1, col=column)
            figure.update_yaxes(visible=False, row=1, col=column)
    figure.update_layout(height=480, margin={"l": 60, "r": 30, "t": 60, "b": 60})
    return figure


def _traces(objects: Any, panel: Panel, column: int) -> list[Any]:
    """What plotly draws of a panel."""
    if panel.kind == "heatmap":
        scale = {"len": 0.9, "showticklabels": True}
        names = {"x": list(panel.columns) or None, "y": list(panel.rows) or None}
        matrix = np.asarray(panel.matrix, float)
        return [
            objects.Heatmap(
                z=matrix, colorscale="Viridis", colorbar=scale, showscale=False, **names
            )
        ]
    if panel.kind == "graph":
        return _graph(objects, panel)
    made = []
    for place, one in enumerate(panel.series):
        colour = COLOURS[place % len(COLOURS)]
        common = {"x": list(one.x), "y": list(one.y), "name": one.name}
        common |= {"legendgroup": one.name, "showlegend": column == 1}
        error = None if one.spread is None else {"type": "data", "array": list(one.spread)}
        if panel.kind == "bars":
            made.append(objects.Bar(**common, error_y=error, marker_color=colour))
        elif panel.kind == "areas":
            made.append(objects.Scatter(**common, stackgroup="one", line={"color": colour}))
        elif panel.kind == "scatter":
            dots = {"color": one.colours, "colorscale": "Viridis", "size": 9}
            made.append(
                objects.Scatter(**common, mode="markers", marker=dots, text=one.labels or None)
            )
        else:
            shape = {"color": colour, "shape": "hv" if panel.kind == "steps" else "linear"}
            mode = "lines" if panel.kind == "steps" else "lines+markers"
            made.append(objects.Scatter(**common, mode=mode, line=shape, error_y=error))
    return made


def _graph(objects: Any, panel: Panel) -> list[Any]:
    places = ring(len(panel.matrix))
    made = [
        objects.Scatter(
            x=[places[source, 0], places[target, 0]],
            y=[places[source, 1], places[target, 1]],
            mode="lines+markers",
            marker={"symbol": "arrow", "size": 9, "angleref": "previous"},
            line={"width": 0.5 + 3 * weight, "color": COLOURS[0]},
            opacity=min(1.0, 0.2 + weight),
            hovertext=f"{source} to {target}: {weight:.2f}",
            hoverinfo="text",
            showlegend=False,
        )
        for source, target, weight in edges(panel.matrix)
    ]
    names = list(panel.rows) or [str(n) for n in range(len(places))]
    dots = {"size": 12, "color": COLOURS[1]}
    made.append(
        objects.Scatter(
            x=places[:, 0],
            y=places[:, 1],
            mode="markers",
            marker=dots,
            text=names,
            showlegend=False,
        )
    )
    return made
