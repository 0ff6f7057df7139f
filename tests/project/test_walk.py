"""The walk through the code names files that exist, in the right folders."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/explanation/walk.md").read_text(encoding="utf-8")
CODE = re.compile(r"`((?:nnplug/)?[a-z_/]+(?:\.py|/))`")


def test_every_file_of_the_walk_is_there():
    folder, found = ROOT, []
    for name in CODE.findall(PAGE):
        if name.startswith("nnplug/"):
            path = ROOT / name
            folder = path if name.endswith("/") else path.parent
        else:  # in the folder of the file named last
            path = folder / name
        assert path.exists(), name
        found.append(path)
    assert len(found) > 30
