"""The packages under plugins/: what is generated from them is up to date."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from nnplug.errors import PluginError
from nnplug.plugins.elsewhere import FILE
from nnplug.plugins.registry import Registry
from plugins.check import check_packages, outcomes
from plugins.generate import COMMAND, END, main, stale, texts
from plugins.packages import BEGIN, FOLDER, Package, packages

PACKAGES = packages()


def test_what_is_generated_is_up_to_date():
    assert not stale(texts()), f"out of date; run: {COMMAND}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.name)
def test_every_part_of_a_package_is_an_entry_point_and_in_the_readme(package):
    project = tomllib.loads((package.folder / "pyproject.toml").read_text(encoding="utf-8"))
    points = project["project"]["entry-points"]["nnplug"]
    readme = (package.folder / "README.md").read_text(encoding="utf-8")
    if BEGIN not in readme:
        return
    assert {point.partition(":")[0] for point in points.values()} <= set(package.modules)
    table = readme.partition(BEGIN)[2].partition(END)[0]
    for part, _ in package.parts():
        assert part.function.__module__ == points[part.name] or (
            points[f"{part.name}_{part.kind}"] == part.function.__module__
        )
        assert f"| {part.kind} | [`{part.name}`]" in table


def test_the_main_readme_counts_them_right():
    text = (FOLDER.parent / "README.md").read_text(encoding="utf-8")
    counts = dict(re.findall(r"^\| `(nnplug-\w+)` \| (\d+) ", text, flags=re.M))
    own = {package.name: len(package.parts()) for package in PACKAGES}
    assert {name: int(count) for name, count in counts.items()} == {
        name: count for name, count in own.items() if count and name != "nnplug-example"
    }


def test_the_core_knows_which_package_has_each_part():
    known = json.loads(FILE.read_text(encoding="utf-8"))
    for package in PACKAGES:
        for part, _ in package.parts():
            for name in (part.name, *part.aliases):
                assert name in known[part.kind]
    # Whoever has the package has a part that is not built in.
    for part, _ in Registry(allowed=()).parts():
        for name in (part.name, *part.aliases):
            assert name not in known.get(part.kind, {}), (part.kind, name)


def test_a_stale_file_is_found_and_mended(tmp_path, monkeypatch):
    package = next(each for each in PACKAGES if each.name == "nnplug-example")
    path = package.folder / "README.md"
    text = path.read_text(encoding="utf-8")
    wrong = tmp_path / "README.md"
    wrong.write_text(text.replace("pinball.py", "other.py"), encoding="utf-8")
    monkeypatch.setattr("plugins.generate.texts", lambda: {wrong: text})
    assert stale({wrong: text}) == [wrong]
    main()
    assert stale({wrong: text}) == []
    assert wrong.read_text(encoding="utf-8") == text


def test_all_parts_that_are_refused_are_named_at_once(tmp_path):
    module = tmp_path / "nnplug_clashing"
    module.mkdir()
    (module / "two.py").write_text(
        "import nnplug\n"
        "@nnplug.activation\ndef relu(x): return x\n"
        "@nnplug.activation\ndef tanh(x): return x\n"
        "@nnplug.hookimpl\ndef register_activations(register): [*map(register, (relu, tanh))]\n",
        encoding="utf-8",
    )
    (module / "broken.py").write_text("1 / 0  # hookimpl\n", encoding="utf-8")
    points = {name: f"nnplug_clashing.{name}" for name in ("two", "broken")}
    package = Package(tmp_path, "nnplug-clashing", "0.1", "", points)
    with pytest.raises(PluginError) as caught:
        package.parts()
    first, second, third = str(caught.value).splitlines()
    assert "nnplug-clashing: its activation 'relu' is refused: 'relu' is a built-in" in first
    assert "'tanh' is refused" in second
    assert "ZeroDivisionError" in third


SCHEDULES = """import nnplug
@nnplug.schedule
def even(epoch, epochs): return 1.0
@nnplug.schedule
def falling(epoch, epochs): return {factor} - epoch
@nnplug.hookimpl
def register_schedules(register): [*map(register, (even, falling))]
"""


def test_the_outcome_of_the_checks_is_kept_until_a_formula_changes(tmp_path, monkeypatch, capsys):
    module = tmp_path / "nnplug_falls"
    module.mkdir()
    (module / "first.py").write_text(SCHEDULES.format(factor="1.0"), encoding="utf-8")
    (module / "second.py").write_text(SCHEDULES.format(factor="epochs"), encoding="utf-8")
    first, second = (
        Package(tmp_path, "nnplug-falls", "0.1", "", {name: f"nnplug_falls.{name}"})
        for name in ("first", "second")
    )
    path = tmp_path / "checked.tsv"
    monkeypatch.setattr("plugins.check.packages", lambda: [first])
    assert check_packages(path=path) == 1
    assert capsys.readouterr().out == (
        "nnplug-falls schedule even: passed\nnnplug-falls schedule falling: non-negative\n"
    )
    assert check_packages(path=path) == 1
    assert capsys.readouterr().out == ""
    monkeypatch.setattr("plugins.check.packages", lambda: [second])
    assert check_packages(path=path) == 0
    assert capsys.readouterr().out == "nnplug-falls schedule falling: passed\n"
    assert [row["failed"] for row in outcomes(path).values()] == ["", ""]


def test_no_part_is_known_to_fail_its_checks():
    assert [key for key, row in outcomes().items() if row["failed"]] == []
