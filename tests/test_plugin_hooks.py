from __future__ import annotations

from types import SimpleNamespace

import pytest

import nnplug
from nnplug.errors import PartError
from nnplug.plugins.examination import near_misses
from nnplug.plugins.hooks import accept, place_of, share_a_name


def plain(register):
    pass


@nnplug.hookimpl
def marked(register):
    pass


@nnplug.activation(aliases=("second",))
def first(x):
    return x


@nnplug.activation
def second(x):
    return x


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("register_activation", "'register_activations'"),
        ("register_optimisers", "'register_optimizers'"),
        ("registers_losses", "'register_losses'"),
        ("on_epochs_end", "'on_epoch_end'"),
        ("on_training_start", "'on_train_start'"),
    ],
)
def test_a_name_that_is_nearly_a_hooks_is_found(name, near):
    (found,) = near_misses(SimpleNamespace(**{name: plain}))
    assert found.startswith(f"{place_of(plain)}: nothing calls {name!r}: there is no such hook.")
    assert near in found


@pytest.mark.parametrize(
    "plugin",
    [
        SimpleNamespace(register=plain),
        SimpleNamespace(register_losses=plain),  # an error by itself: it is not decorated
        SimpleNamespace(register_activation=marked),  # an error by itself: there is no such hook
        SimpleNamespace(register_activation=3),
        SimpleNamespace(relu=plain),
        None,
        object(),
    ],
)
def test_what_is_no_near_miss_is_left_alone(plugin):
    assert near_misses(plugin) == []


def test_a_part_is_taken_once_by_each_of_its_names():
    accept("activation", "register_activations", first, [])
    assert share_a_name(first, second)
    with pytest.raises(PartError, match="activation 'second' has a name or alias that this plugin"):
        accept("activation", "register_activations", second, [first])


def test_what_has_no_source_is_shown_as_it_is():
    assert place_of(len) == "<built-in function len>"
