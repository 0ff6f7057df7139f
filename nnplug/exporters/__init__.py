"""Exporters: a trained model as one graph, written for other programs and languages.

`model_graph` brings a model to a graph from the cells of a row to its answer.
A target is a table of how its language writes each primitive, so whatever part
is written in primitives can be exported, whoever published it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from nnplug.errors import SettingError
from nnplug.hookspecs import hookimpl
from nnplug.tool import Exporter

if TYPE_CHECKING:
    from nnplug.models import Model

__all__ = ["register_exporters"]


def _onnx(model: Model, name: str, *, interval: float = 0.0) -> bytes:
    from nnplug.exporters.onnx_model import onnx_model  # noqa: PLC0415  # one at a time is used

    content: bytes = onnx_model(model, interval or None).SerializeToString()
    return content


def _numpy(model: Model, name: str, *, interval: float = 0.0) -> dict[str, str | bytes]:
    from nnplug.exporters.numpy_page import numpy_files  # noqa: PLC0415  # the same

    return numpy_files(model, interval or None)


def _sql(
    model: Model,
    name: str,
    *,
    dialect: str = "duckdb",
    table: str = "data",
    keep: str = "",
    interval: float = 0.0,
) -> str:
    from nnplug.exporters.sql_statement import sql_statement  # noqa: PLC0415  # the same

    return sql_statement(model, table, dialect, keep.split("+") if keep else (),
                         interval or None)  # fmt: skip


def _c(model: Model, name: str, *, flash: bool = False, interval: float = 0.0) -> dict[str, str]:
    from nnplug.exporters.c_source import c_source  # noqa: PLC0415  # the same
    from nnplug.exporters.writing import Names  # noqa: PLC0415  # the same

    if not re.fullmatch(r"[A-Za-z0-9_.+-]+", name):
        raise SettingError(
            f"{name!r}: the source names its header, and a header is called by letters, digits and "
            "_ . + - alone. Choose another name."
        )
    source, header = c_source(model, Names(()).new(name), name, interval or None, flash=flash)
    return {".c": source, ".h": header}


def _js(model: Model, name: str, *, page: bool = False, interval: float = 0.0) -> dict[str, str]:
    from nnplug.exporters.js_module import js_module, js_page  # noqa: PLC0415  # the same

    module = js_module(model, interval or None)
    return {".mjs": module, **({".html": js_page(model, module)} if page else {})}


@hookimpl
def register_exporters(register: Callable[[Exporter], None]) -> None:
    """Register the built-in exporters."""
    register(Exporter("onnx", _onnx, ".onnx", about="ONNX, with the columns as inputs.",
                      use="onnxruntime.InferenceSession(FILE).run(None, cells), with cells of "
                      "shape (N, 1) by column."))  # fmt: skip
    register(Exporter("numpy", _numpy, ".py", about="A page of NumPy, to read and to run.",
                      use="python FILE new.csv, or its function predict(columns)."))  # fmt: skip
    register(Exporter("sql", _sql, ".sql", about="One statement for DuckDB, PostgreSQL or SQLite.",
                      use="The statement reads the table data; sql:table=NAME names another, and "
                      "dialect= the database."))  # fmt: skip
    register(Exporter("c", _c, ".c", about="C99, a source and a header.",
                      use="Compile it with -lm; NAME_predict(&row, values) answers."))  # fmt: skip
    register(Exporter("js", _js, ".mjs", about="A JavaScript module, with a page on request.",
                      use="import { predict } from FILE; predict(row) answers for an object of "
                      "cells by column."))  # fmt: skip
