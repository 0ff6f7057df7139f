"""The bar: how many are done, the loss, the time left, in one line that goes away."""

import io
import re

import pytest
from rich.console import Console

from nnplug.training.progress import Bar

CONTROL = re.compile(r"\x1b\[[^a-zA-Z]*[a-zA-Z]")


@pytest.fixture
def screen():
    return Console(file=io.StringIO(), force_terminal=True, width=80, color_system=None)


def frames(screen):
    return [each for each in re.split(r"[\r\n]", CONTROL.sub("", screen.file.getvalue())) if each]


def test_what_is_drawn_fits_a_line(screen):
    bar = Bar("epoch", 10_000, screen)
    bar.update(2_000, "loss 0.1235, validation 0.2346")
    bar.hide()
    last = frames(screen)[-1]
    assert re.fullmatch(
        r"epoch  2000/10000 \S+ +(-|\d+):\S\S:\S\S left loss 0\.1235, validation 0\.2346 *", last
    )
    assert len(last) <= 80


def test_it_is_never_behind(screen):
    bar = Bar("epoch", 10, screen)
    bar.update(1, "loss 3")
    bar.update(2, "loss 2")  # too soon to be drawn by itself
    bar.hide()
    bar.show()
    assert " 2/10 " in frames(screen)[-1]
    assert frames(screen)[-1].rstrip().endswith("loss 2")
    bar.hide()


def test_a_loss_that_is_not_finite_and_brackets_are_shown_as_they_are(screen):
    bar = Bar("epoch", 10, screen)
    bar.update(1, "loss nan [bold]")
    bar.hide()
    assert "loss nan [bold]" in frames(screen)[-1]
