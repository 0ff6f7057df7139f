"""What a person sees of every command on a terminal of 80 × 24."""

import json
import re
import sys

import pytest

from tests.cli.models import nnplug_here
from tests.cli.screens import SCREENS, WIDTH, lines, make_folder, screen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no terminals of Unix")

BEHIND = tuple("_-/.,:;=|")
"""Signs behind which a word that is too long may be continued."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("screens"))


def without_source(written):
    """Leave out a part's source, which is shown as it is written."""
    return re.sub(r"^Source\r?\n[\s\S]*", "", written, flags=re.MULTILINE)


def is_whole(word, words):
    """Whether a word of a screen is one of the words, or a piece of one cut where it may be."""
    return word in words or any(
        (place == 0 or each[place - 1] in BEHIND)
        and (place + len(word) == len(each) or word.endswith(BEHIND))
        for each in words
        for place in [found.start() for found in re.finditer(re.escape(word), each)]
    )


@pytest.mark.parametrize("title", SCREENS)
def test_every_screen_fits_and_no_word_is_broken(folder, title, monkeypatch):
    code, written = screen(*SCREENS[title], folder=folder)
    assert code == (2 if "error" in title or "unknown" in title else 0), written
    seen = without_source(written)
    assert seen.strip()
    assert [line for line in lines(seen) if len(line) > WIDTH] == []
    if "train" in title or title in ("new", "doctor"):
        return  # a second run takes another time, and what is written is there already
    # On paper that is wide enough no word is folded.
    monkeypatch.setenv("COLUMNS", "2000")
    wide = nnplug_here(*SCREENS[title], folder=folder)
    words = {*(wide.stdout + wide.stderr).split()}
    if "help" in title:
        return  # click folds it
    found = " ".join(lines(seen)).split()
    # A bar is as long as there is room.
    assert [word for word in found if "│" not in word and not is_whole(word, words)] == []


def test_what_a_table_shows_is_folded_and_not_cut(folder):
    written = screen(*SCREENS["data"], folder=folder)[1]
    assert "…" not in written
    assert "3.64e+04 ± 2.14e+04" in written
    assert "the_target_column_has_a_" in written
    written = screen(*SCREENS["parts"], folder=folder)[1]
    assert re.search(r"sparse_categorical_ *\r\n +crossentropy,? ", written)


def test_the_lines_of_a_run_are_folded_between_words(folder):
    written = lines(screen(*SCREENS["train"], folder=folder)[1])
    at = next(k for k, line in enumerate(written) if line.startswith("Epoch 0, "))
    assert re.search(r"Balanced accuracy: 0\.\d+,$", written[at])
    assert written[at + 1].startswith("  Log loss: ")


def test_json_is_whole_on_a_terminal(folder):
    code, written = screen("info", "long.safetensors", "--json", folder=folder, width=40)
    assert code == 0
    assert json.loads(written)["task"] == "binary"


def test_a_narrow_terminal_is_kept_to(folder):
    for title in ("data of iris", "evaluate", "runs", "info", "plugins", "an error"):
        written = screen(*SCREENS[title], folder=folder, width=60)[1]
        assert max(map(len, lines(written))) <= 60, title


def test_a_pipe_gets_long_lines_as_they_are(folder, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    done = nnplug_here(*SCREENS["an error"], folder=folder)
    assert max(map(len, done.stderr.splitlines())) > 80


def test_the_bar_shows_epoch_loss_and_time_and_is_never_behind(folder):
    written = lines(screen("train", "--epochs", "400", "--log-every", "100", folder=folder)[1])
    drawn = [line for line in written if line.startswith("epoch ")]
    assert all(re.fullmatch(r"epoch +\d+/400 .* left( loss \d\.\d+)? *", line) for line in drawn)
    for epoch in (0, 100, 200, 300):
        at = next(k for k, line in enumerate(written) if line.startswith(f"Epoch {epoch}, "))
        after = next(line for line in written[at:] if line.startswith("epoch "))
        done = int(re.search(r"(\d+)/400", after)[1])
        assert done >= epoch + 1
        loss = float(written[at].rpartition(" ")[2])
        if done == epoch + 1:
            assert float(after.rpartition("loss ")[2]) == pytest.approx(loss, abs=1e-4)
