"""Every hook has its exact signature and an example in the docs, and a test named after it."""

from __future__ import annotations

import ast
import re
import runpy
from pathlib import Path

import pytest

from nnplug.hookspecs import HOOKS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "hooks.md"


def signatures() -> dict[str, str]:
    """Read the signatures of the hooks from the source, one per line."""
    source = (ROOT / "nnplug" / "hookspecs.py").read_text(encoding="utf-8")
    found = re.findall(r"^@hookspec\n(def (\w+)\(.*):$", source, re.MULTILINE)
    assert len(found) == source.count("\n@hookspec\n")
    return {name: signature for signature, name in found}


def sections() -> dict[str, str]:
    """Split the page on hooks at its third-level headings."""
    _, *pieces = re.split(r"^### (\w+)\n", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(pieces[::2], pieces[1::2], strict=True))


def test_every_hook_is_documented_with_its_exact_signature_and_an_example_that_runs():
    pytest.importorskip("sphinx")
    generated = runpy.run_path(str(ROOT / "docs" / "generate.py"))["pages"]()
    assert set(HOOKS) < set(signatures())
    # In the order of the source; the examples are run by test_docs.py.
    assert list(sections()) == list(signatures())
    for name, signature in signatures().items():
        section = sections()[name]
        assert f"```{{include}} generated/hook_{name}.inc.md\n```" in section
        assert f"```python\n{signature}\n```" in generated[f"hook_{name}.inc.md"]
        arguments = re.search(r"\((.*)\)", signature)
        assert arguments is not None
        names = "|".join(re.findall(r"(\w+):", arguments[1]))
        implementation = rf"@nnplug\.hookimpl\ndef {name}\((?:(?:{names})(?:, )?)+\):\n"
        example = rf":caption: (\w+\.py)\n.*?{implementation}.*?\$ nnplug [^\n]*-p \./\1[^\n]*\n\S"
        assert re.search(example, section, re.DOTALL), name


def test_every_hook_has_a_test_named_after_it():
    tests = {
        node.name
        for file in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
    assert {f"test_{name}" for name in signatures()} <= tests
