"""The lessons' commands open in the playground, and show exactly what they say.

That the numbers of the lessons are those that nnplug prints is tested with the other pages, in
`test_docs.py`; the pages in a browser, in `test_play_browser.py`.
"""

from __future__ import annotations

import re

import pytest

from nnplug.play.screen import read_screen
from nnplug.play.session import Session
from nnplug.runs.preparing import default_registry
from tests.project.test_docs import DOCS
from tests.screens import screens_of_lessons

SCREENS = list(screens_of_lessons())
# What the text says is seen.
CLAIMS = {
    "lesson-identity": lambda a: a["metrics"]["test"]["accuracy"] < 0.7,
    "lesson-relu": lambda a: a["metrics"]["test"]["accuracy"] > 0.9,
    "lesson-vanishing": lambda a, b: (
        abs(a["loss"]["test"] - 0.693) < 0.001 and b["metrics"]["test"]["accuracy"] == 1
    ),
    "lesson-losses": lambda a, b: a["loss"]["train"] > 0.49 and b["loss"]["train"] < 0.25,
    "lesson-rate": lambda a, b: a["loss"]["train"] < 0.5 and b["loss"]["train"] > 1,
    "lesson-xor-step": lambda a: round(a["loss"]["train"], 6) == 0.286300,
    "lesson-xor-solved": lambda a: a["loss"]["train"] < 0.01,
}

PAGES = sorted(page.name for page in DOCS.glob("lessons/*.md") if page.name != "index.md")


def test_there_are_five_lessons_with_screens_and_pictures():
    assert len(PAGES) == 5
    index = (DOCS / "lessons" / "index.md").read_text(encoding="utf-8")
    for name in PAGES:
        text = (DOCS / "lessons" / name).read_text(encoding="utf-8")
        assert f"]({name})" in index
        assert "**The question.**" in text
        assert text.index("## Exercise") < text.index("## Answer")
        own = [screen for screen in SCREENS if screen.page == name]
        # No command and no picture was missed, and each picture is drawn from a command.
        assert len(own) == text.count("nnplug play") >= 1
        pictures = [screen.picture for screen in own if screen.picture]
        assert pictures == re.findall(r"pictures/([\w-]+)\.png", text)
        for picture in pictures:
            assert (DOCS / "pictures" / f"{picture}.png").stat().st_size < 100_000


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.text[:60])
def test_a_screen_of_a_lesson_is_restored_exactly(screen):
    session, wanted = Session(default_registry()), read_screen(screen.text)
    state = session.do({"do": "open", **wanted})
    assert "error" not in state
    # What a copy of the page's address would give: the same, and no setting more but the seed.
    given, address = wanted["settings"], state["address"]
    shared = {name: given[0][name] for name in ("validation", "seed") if name in given[0]}
    assert len(address["settings"]) == len(given)
    for found, one in zip(address["settings"], given, strict=True):
        assert {"seed": 0, **found} == {"seed": 0, **one, **shared}
    assert address["data"] == wanted["data"]
    edits = [{"epoch": 0, "step": 0, "lane": 0, **edit} for edit in wanted.get("edits", [])]
    assert address.get("edits", []) == edits
    for edit in edits:  # those that no step has changed yet
        if wanted["epoch"] == 0:
            array = session.learners[edit["lane"]].run.network[edit["array"]]
            assert array[tuple(edit["place"])] == edit["value"]
    if screen.picture:
        assert CLAIMS[screen.picture](*state["frame"]["lanes"])
    for lane in state["frame"]["lanes"]:
        if lane["trouble"]:  # the lesson on rates has a network that runs away
            assert "a learning rate that is too large" in lane["trouble"]
        else:
            assert lane["epoch"] == wanted["epoch"]
