"""The parts of four frameworks, by their public lists: each is ours, or the docs say why not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs.frameworks import COVERED, FRAMEWORKS, entries, names, page
from nnplug.plugins.registry import Registry

FROZEN = json.loads(
    (Path(__file__).parents[1] / "reference" / "names.json").read_text(encoding="utf-8")
)["lists"]
COUNTS = {"activation": 36, "loss": 50, "optimizer": 58, "initializer": 21, "schedule": 24}
"""How many different parts the frameworks have together."""
LEFT_OUT = {"loss": 5, "optimizer": 6, "initializer": 1, "schedule": 2}
ENTRIES = entries()


def test_the_table_has_every_name_of_the_frameworks_and_no_other():
    listed = [(row["list"], row["name"]) for row in names()]
    frozen = [(name, each) for name, own in FROZEN.items() for each in own]
    assert sorted(listed) == sorted(frozen)
    assert {name.partition(".")[0] for name in FROZEN} == set(FRAMEWORKS)


def test_what_is_no_part_has_a_reason():
    for row in names():
        assert (row["part"] == "-") == bool(row["note"]), row


@pytest.mark.parametrize("kind", COUNTS)
def test_the_number_of_different_parts(kind):
    assert len([entry for entry in ENTRIES if entry.kind == kind]) == COUNTS[kind]


@pytest.mark.parametrize("kind", COUNTS)
def test_all_are_there_but_those_that_are_left_out(kind):
    own = [entry for entry in ENTRIES if entry.kind == kind]
    assert [entry.name for entry in own if entry.state == "missing"] == []
    there = sum(entry.state in COVERED for entry in own)
    assert there >= COUNTS[kind] - LEFT_OUT.get(kind, 0)


def test_the_page_says_where_each_part_is():
    text = page()
    for entry in ENTRIES:
        assert f"`{entry.name}`" in text or f"| {entry.name} |" in text
        for own in entry.names.values():
            assert all(f"`{name}`" in text for name in own)
    assert "| [`adam`](optimizers.md#optimizer-adam) | built in | `Adam` | `Adam` |" in text


def test_what_is_done_otherwise_is_there():
    registry = Registry(allowed=())
    for entry in ENTRIES:
        if entry.state == "otherwise" and entry.place.startswith("`"):
            text = entry.place.split("`")[1]
            if not registry.find(text.partition(":")[0], entry.kind):
                assert text in ("identity", "orthogonal"), entry  # still to be written
            else:
                assert registry.get(entry.kind, text).kind == entry.kind
