"""Every exported model answers as nnplug does, where it is meant to run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nnplug.exporters.cells import Cells, encode
from nnplug.formulas.evaluation import evaluate
from nnplug.formulas.primitives import new_graph
from nnplug.tables.encoder import Encoder
from nnplug.tables.encodings import Categories, Scale
from tests.exporters import parts, targets
from tests.exporters.cases import CASES, NEW, trained
from tests.exporters.targets import Answers, Case, expected

TARGETS = ("numpy", "gcc", "clang", "js", "onnx", "duckdb", "sqlite", "postgresql")
_PROGRAMS = {"gcc": "gcc libc6-dev", "clang": "clang", "node": "nodejs"}


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Callable[[str], str]]:
    if targets.postgresql_programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # The path of a socket must be short, and its folder open to the server's user.
    with (
        tempfile.TemporaryDirectory(prefix="pg-") as folder,
        targets.postgresql(Path(folder)) as it,
    ):
        yield it


@pytest.fixture(params=TARGETS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Answers]:
    """Give what answers for many models, or skip the test if it is not installed."""
    name: str = request.param
    program = "node" if name == "js" else name
    if program in _PROGRAMS and shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt-get install {_PROGRAMS[program]}")
    if name == "onnx":
        pytest.importorskip("onnxruntime")
    more: dict[str, Any] = {}
    if name in ("gcc", "clang"):
        more = {"compiler": name}
    elif name == "postgresql":
        more = {"ask": request.getfixturevalue("postgresql")}
    function = getattr(targets, "by_c" if name in ("gcc", "clang") else f"by_{name}")
    return lambda cases, rows: function(cases, rows, tmp_path, **more)


@np.errstate(all="ignore")
def agree(cases: Mapping[str, Case], answers: Answers, wanted: Callable[[str], Any]) -> None:
    """Refuse answers of a target that are not nnplug's own."""
    found = []
    for name, case in cases.items():
        answer = answers[name]
        if isinstance(answer, str):
            found.append(f"{name}: {answer}")
            continue
        numbers, labels, sets = answer
        own, classes, own_sets, spread = wanted(name)
        single = case.model.network.dtype == np.float32
        if single:
            near = abs(numbers - own) <= 1e-5 * abs(own) + 1e-6 + spread
        else:
            near = abs(numbers - own) <= 1e-12 * abs(own) + spread
        near |= (numbers == own) | (np.isnan(numbers) & np.isnan(own))
        for row, column in np.argwhere(~near)[:2]:
            found.append(f"{name}: row {row}, number {column}: {numbers[row, column]!r} for "
                         f"{own[row, column]!r}")  # fmt: skip
        if labels != classes:
            found.append(f"{name}: {labels} for {classes}")
        if not np.array_equal(sets, own_sets) and (sets is not None or own_sets is not None):
            found.append(f"{name}: sets {sets} for {own_sets}")
    listed = "\n".join(found)
    assert not found, f"{len(found)} differ:\n{listed}"


@cache
def table_case(name: str) -> tuple[Any, ...]:
    return (*expected(trained(name), NEW), 0.0)


def test_models_of_a_table_answer_as_nnplug_does(target: Callable[..., Answers]) -> None:
    cases = {name: trained(name) for name in CASES}
    agree(cases, target(cases, NEW), table_case)


@cache
def models(dtype: str = "float64") -> dict[str, tuple[Case, tuple[str, ...]]]:
    return parts.unlike(parts.models(np.dtype(dtype)))


@cache
def part_case(name: str, dtype: str = "float64", moderate: bool = False) -> tuple[Any, ...]:
    """Give nnplug's answer, and how far it may be off where the last digit of a cell moves it."""
    case, _ = models(dtype)[name]
    rows = parts.MODERATE if moderate else parts.ROWS
    numbers, labels, sets = expected(case, rows)
    spread = np.zeros(numbers.shape)
    digit = 2 * float(np.finfo(dtype).eps)
    for sign in (-1, 1):
        moved = {
            column: [None if cell is None else cell * (1 + sign * digit) for cell in cells]
            for column, cells in rows.items()
        }
        with np.errstate(all="ignore"):
            change = abs(expected(case, moved)[0] - numbers)
        spread = np.maximum(spread, np.where(np.isfinite(change), change, 0))
    return numbers, labels, sets, 2 * spread


def test_parts_answer_as_nnplug_does(
    target: Callable[..., Answers], request: pytest.FixtureRequest
) -> None:
    cases = {name: case for name, (case, _) in models().items()}
    # PostgreSQL ends a statement where a number overflows or a product underflows.
    rows = parts.MODERATE if "postgresql" in request.node.name else parts.ROWS
    agree(cases, target(cases, rows), partial(part_case, moderate=rows is parts.MODERATE))


@pytest.mark.parametrize("target", ["numpy", "clang", "onnx"], indirect=True)
def test_parts_answer_as_nnplug_does_in_float32(target: Callable[..., Answers]) -> None:
    cases = {name: case for name, (case, _) in models("float32").items()}
    agree(cases, target(cases, parts.MODERATE), partial(part_case, dtype="float32", moderate=True))


def test_a_column_may_have_rare_categories_alone():
    cells = Cells(new_graph())
    text = Categories("kind", (), ("a", "b"))
    encoder = Encoder("regression", ("y",), (text,), scales=(Scale("y", "number", 0, 1, 0),))
    (other,) = encode(encoder, cells)
    assert [cell.fact for cell in cells.found.values()] == ["missing"]
    (found,) = evaluate([other], {"cell1": np.array([True, False])})
    assert found.tolist() == [0, 1]
