"""A part that is in a package of ours, but not installed: the message says what to install."""

from __future__ import annotations

import json

import pytest

from nnplug.errors import UnknownPartError
from nnplug.network.layers import find_layers
from nnplug.plugins import elsewhere
from nnplug.plugins.registry import Registry
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`

WAY = "'wavy' is in nnplug-waves, which is not installed: pip install nnplug-waves"


@pytest.fixture(autouse=True)
def published(site, tmp_path, monkeypatch):
    """Let a package of ours have one activation and one loss, which nobody has installed."""
    path = tmp_path / "elsewhere.json"
    known = {"activation": {"wavy": "nnplug-waves"}, "loss": {"crest": "nnplug-waves"}}
    known["adapter"] = {"sea": "nnplug-sea"}
    path.write_text(json.dumps(known), encoding="utf-8")
    monkeypatch.setattr(elsewhere, "FILE", path)
    return site


def said(kind, text, registry=None):
    with pytest.raises(UnknownPartError) as caught:
        (registry or Registry()).get(kind, text)
    return str(caught.value)


@pytest.mark.parametrize("text", ["wavy", "Wavy", "wavy:a=1", "nnplug-waves/wavy"])
def test_the_message_says_what_to_install(text):
    name = "nnplug-waves/wavy" if "/" in text else "wavy"
    assert said("activation", text) == f"There is no activation {name!r} here.\n{WAY}"


def test_an_adapter_may_have_any_name(site):
    assert said("loss", "sea/AnyLoss:a=1") == (
        "There is no loss 'sea/anyloss' here.\n"
        "'sea/anyloss' is in nnplug-sea, which is not installed: pip install nnplug-sea"
    )
    site.install(
        "nnplug-sea",
        "import nnplug\n@nnplug.hookimpl\ndef find_part(kind, name):\n    return None\n",
    )
    assert "pip install" not in said("loss", "sea/AnyLoss")


def test_an_activation_may_stand_among_layers():
    with pytest.raises(UnknownPartError) as caught:
        find_layers("dense:4 wavy", Registry())
    assert WAY in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "text"), [("loss", "wavy"), ("activation", "waving"), ("activation", "other/wavy")]
)
def test_nothing_is_said_of_another_kind_name_or_package(kind, text):
    assert "pip install" not in said(kind, text)


def test_of_an_older_installed_package_it_says_to_upgrade(site):
    site.part("nnplug-waves", "ripple", version="0.1")
    assert said("activation", "wavy") == (
        "There is no activation 'wavy' here.\n"
        "'wavy' is in a newer nnplug-waves than 0.1: pip install --upgrade nnplug-waves"
    )


def test_of_a_blocked_or_broken_package_the_message_says_that(site):
    site.install("nnplug-waves", "1 / 0\n", version="0.1")
    assert "ZeroDivisionError" in said("activation", "wavy")
    assert "blocked by -p no:nnplug-waves" in said(
        "activation", "wavy", Registry(blocked=["nnplug-waves"])
    )


def test_the_file_is_not_read_for_a_known_name(monkeypatch, tmp_path):
    monkeypatch.setattr(elsewhere, "FILE", tmp_path / "missing")
    assert Registry().get("activation", "relu").name == "relu"
    with pytest.raises(FileNotFoundError):
        Registry().get("activation", "wavy")
