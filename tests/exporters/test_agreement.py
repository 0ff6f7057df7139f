"""Every exported model answers as nnplug does, where it is meant to run."""

from __future__ import annotations

import re
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
from nnplug.plugins.registry import Registry
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
    ask = request.getfixturevalue("postgresql") if name == "postgresql" else None
    return targets.runner(name, tmp_path, ask)


@np.errstate(all="ignore")
def faults(
    cases: Mapping[str, Case], answers: Answers, wanted: Callable[[str], Any]
) -> dict[str, str]:
    """Say by case where the answers of a target are not nnplug's own."""
    found: dict[str, list[str]] = {}
    for name, case in cases.items():
        answer = answers[name]
        if isinstance(answer, str):
            found.setdefault(name, []).append(answer)
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
            given, own_one = numbers[row, column], own[row, column]
            found.setdefault(name, []).append(f"row {row}, number {column}: {given} for {own_one}")
        if labels != classes:
            found.setdefault(name, []).append(f"{labels} for {classes}")
        if not np.array_equal(sets, own_sets) and (sets is not None or own_sets is not None):
            found.setdefault(name, []).append(f"sets {sets} for {own_sets}")
    return {name: "; ".join(texts) for name, texts in found.items()}


@cache
def table_case(name: str) -> tuple[Any, ...]:
    return (*expected(trained(name), NEW), 0.0)


def test_models_of_a_table_answer_as_nnplug_does(target: Callable[..., Answers]) -> None:
    cases = {name: trained(name) for name in CASES}
    assert faults(cases, target(cases, NEW), table_case) == {}


def test_every_encoding_is_in_a_model_of_a_table() -> None:
    said = " ".join(str(settings.get("encoding", "")) for settings in CASES.values())
    assert "one_hot" in said
    for part, _ in Registry(allowed=()).parts("encoding"):
        assert re.search(rf"\b{part.name}\b", said), part.name


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


def part_faults(target: Callable[..., Answers], name: str) -> dict[str, str]:
    """Say of each part `"yes"`, or what is wrong with it in a target."""
    cases = {part: case for part, (case, _) in models().items()}
    # PostgreSQL ends a statement where a number overflows or a product underflows.
    moderate = name == "postgresql"
    answers = target(cases, parts.MODERATE if moderate else parts.ROWS)
    found = faults(cases, answers, partial(part_case, moderate=moderate))
    return parts.by_part(found, {part: names for part, (_, names) in models().items()})


def test_parts_answer_as_nnplug_does(
    target: Callable[..., Answers], request: pytest.FixtureRequest
) -> None:
    name = request.node.callspec.params["target"]
    found = part_faults(target, name)
    record = {part: row[name] for part, row in parts.read_record().items()}
    assert found == record, "if it is as it should be: python -m tests.exporters.record"


@pytest.mark.parametrize("target", ["numpy", "clang", "onnx"], indirect=True)
def test_parts_answer_as_nnplug_does_in_float32(target: Callable[..., Answers]) -> None:
    cases = {name: case for name, (case, _) in models("float32").items()}
    wanted = partial(part_case, dtype="float32", moderate=True)
    assert faults(cases, target(cases, parts.MODERATE), wanted) == {}


def test_a_column_may_have_rare_categories_alone():
    cells = Cells(new_graph())
    text = Categories("kind", (), ("a", "b"))
    encoder = Encoder("regression", ("y",), (text,), scales=(Scale("y", "number", 0, 1, 0),))
    (other,) = encode(encoder, cells)
    assert [cell.fact for cell in cells.found.values()] == ["missing"]
    (found,) = evaluate([other], {"cell1": np.array([True, False])})
    assert found.tolist() == [0, 1]
