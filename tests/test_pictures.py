"""Pictures of networks, boundaries and formulas: what is drawn, and where it is shown."""

from xml.etree import ElementTree

import numpy as np
import pytest

import nnplug
from nnplug.errors import SettingError
from nnplug.network.drawing import NEGATIVE, POSITIVE
from nnplug.runs.preparing import prepare

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def moons():
    return nnplug.train("moons", hidden=(3,), epochs=3)


def drawn(network, tmp_path):
    path = tmp_path / "network.svg"
    network.draw().save(path)
    return ElementTree.parse(path).getroot()


def test_each_weight_is_a_line_whose_width_and_colour_say_its_size_and_sign(tmp_path):
    network = prepare("xor").network
    network["hidden1.weight"][...] = [[1.0, -0.5], [0.25, -2.0]]
    network["output.weight"][...] = [[-3.0], [1.5]]
    groups = drawn(network, tmp_path).findall(f"{SVG}g")
    said = {group.find(f"{SVG}title").text: group.find(f"{SVG}line") for group in groups}
    assert sorted(said) == [
        "hidden1.weight[1, 1] = 1",
        "hidden1.weight[1, 2] = -0.5",
        "hidden1.weight[2, 1] = 0.25",
        "hidden1.weight[2, 2] = -2",
        "output.weight[1, 1] = -3",
        "output.weight[2, 1] = 1.5",
    ]
    for title, line in said.items():
        value = float(title.rpartition("= ")[2])
        assert line.get("style") == "stroke: " + (POSITIVE if value > 0 else NEGATIVE)
    widths = [float(said[title].get("stroke-width")) for title in sorted(said)]
    # Half the largest of the layer is half as wide: 2 of hidden1, 3 of output.
    assert widths == pytest.approx([2.5, 1.25, 0.625, 5.0, 5.0, 2.5], abs=0.01)


def test_a_wide_layer_is_drawn_in_part(tmp_path):
    root = drawn(prepare("xor", hidden=(40,)).network, tmp_path)
    assert len(root.findall(f"{SVG}circle")) == 2 + 12 + 1
    assert len(root.findall(f".//{SVG}line")) == 2 * 12 + 12
    assert "+ 28" in [text.text for text in root.findall(f"{SVG}text")]


def test_weights_that_are_not_finite_are_drawn(tmp_path):
    network = prepare("xor").network
    network["hidden1.weight"][...] = [[np.nan, np.inf], [1.0, 0.0]]
    assert len(drawn(network, tmp_path).findall(f".//{SVG}line")) == 6


def test_the_report_and_a_notebook_show_the_network(moons):
    drawing = moons.network.draw()._repr_html_()
    assert moons.report().count("<title>hidden1.weight[") == 6
    assert drawing in moons._repr_html_()
    assert drawing in moons.network._repr_html_()


def test_the_boundary_is_a_picture_and_a_text(moons, tmp_path):
    picture = moons.plot_boundary()
    assert "decision boundary" in picture._repr_html_()
    assert "(x across, y up)" in repr(picture)
    picture.save(tmp_path / "boundary.html")
    assert "<svg" in (tmp_path / "boundary.html").read_text()
    with pytest.raises(SettingError, match=r"boundary\.svg: this picture is saved as \.html"):
        picture.save(tmp_path / "boundary.svg")


def test_a_boundary_that_cannot_be_drawn_says_why():
    with pytest.raises(SettingError, match="the network has 1 input, and the task is regression"):
        prepare("waves").plot_boundary()


def test_a_part_is_shown_with_its_code():
    gelu = nnplug.Registry.from_environment().get("activation", "gelu")
    shown = gelu._repr_html_()
    assert "<b>activation gelu</b>" in shown
    assert "def gelu(" in shown


def test_what_an_author_writes_is_text():
    @nnplug.activation
    def evil(x):
        """<script>alert(1)</script> is not run."""
        return x * 2

    shown = evil._repr_html_()
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_trace_is_shown_with_its_formulas():
    shown = nnplug.trace("xor", 1)._repr_html_()
    assert "<summary>backward: hidden1</summary>" in shown
    assert "<mn>0.463988</mn>" in shown
    assert "<td style='text-align: left; vertical-align: middle'>0.463988</td>" in shown
