"""The site of the documentation, built once for all tests of a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Build a copy of the docs, so that simultaneous builds do not collide.

    The workers of a run share the copy; the first that needs it builds it.
    """
    pytest.importorskip("myst_parser")
    pytest.importorskip("furo")
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "site-of-the-docs"
    done = folder / "done"
    try:
        folder.mkdir()
    except FileExistsError:
        for _ in range(600):
            if done.exists():
                break
            time.sleep(0.5)
        assert done.read_text(encoding="utf-8") == "", done.read_text(encoding="utf-8")
        return folder / "html"
    skip = shutil.ignore_patterns("_build", "generated", "__pycache__")
    shutil.copytree(DOCS, folder / "docs", ignore=skip)
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(ROOT / name, folder)
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "html"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    said = built.stderr or "it failed" if built.returncode else ""
    (folder / "said").write_text(said, encoding="utf-8")
    (folder / "said").rename(done)
    assert said == ""
    return folder / "html"
