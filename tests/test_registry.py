from __future__ import annotations

import importlib.metadata
import textwrap

import numpy as np
import pytest

import nnplug
from nnplug.errors import DivergedError, OptionError, PartError, PluginError, UnknownPartError
from nnplug.hookspecs import HOOKS
from nnplug.network.layers import find_layers
from nnplug.plugins.registry import Registry
from tests.plugins.packages import PART, isolated_site  # noqa: F401  # the fixture `site`

BROKEN = "import no_such_module_of_nnplug\n"


def message(error: pytest.ExceptionInfo[BaseException]) -> str:
    return str(error.value)


# --- built-in parts -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("activation", "relu", "relu"),
        ("activation", "Leaky-ReLU:slope=0.1", "leaky_relu:slope=0.1"),
        ("activation", "swish", "silu"),
        ("activation", "nnplug/silu", "silu"),
        ("loss", "L2", "mse"),
        ("optimizer", "adam:learning-rate=0.1,beta1=0.5", "adam:learning_rate=0.1,beta1=0.5"),
    ],
)
def test_get_reads_the_text_form(kind, text, found):
    assert Registry().get(kind, text).text == found


def test_a_builtin_part_scans_and_imports_nothing(site, monkeypatch):
    site.part("nnplug-third", "third", entry_points={"relu": "nnplug_third"})

    def refuse(*_args, **_options):
        raise AssertionError("scanned")

    monkeypatch.setattr(importlib.metadata, "distributions", refuse)
    monkeypatch.setattr(importlib.metadata, "entry_points", refuse)
    registry = Registry()
    assert registry.get("activation", "relu").name == "relu"
    assert registry.get("loss", "nnplug/mse").name == "mse"
    assert registry.names("activation") == sorted(registry.names("activation"))
    assert site.imported() == []


@pytest.mark.parametrize("kind", HOOKS.values())
def test_every_kind_has_builtin_parts_under_its_own_module(kind):
    found = Registry().parts(kind)
    assert found
    for part, provider in found:
        assert part.kind == kind
        assert provider.state == "built-in"
        assert (provider.package, provider.version) == ("nnplug", nnplug.__version__)
        assert provider.module == f"nnplug.builtin.{part.plural}"


def test_a_part_is_returned_as_it_is():
    registry = Registry()
    part = registry.get("activation", "leaky_relu:slope=0.3")
    assert registry.get("activation", part) is part
    assert registry.provider(part).package == "nnplug"


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("loss", "PART", "'relu' is an activation, not a loss."),
        ("loss", 3, "3 is not a loss. Give its name, or a part made with @nnplug.loss."),
        (
            "activations",
            "relu",
            "There is no kind of part 'activations'. Did you mean 'activation'? The kinds are "
            "activation, layer, loss, optimizer, initializer, schedule, metric, dataset, recipe, "
            "encoding.",
        ),
    ],
)
def test_what_is_no_such_part_is_refused(kind, given, expected):
    registry = Registry()
    given = registry.get("activation", "relu") if given == "PART" else given
    with pytest.raises(PartError) as error:
        registry.get(kind, given)
    assert message(error) == expected


def test_a_wrong_option_names_the_part_and_its_options():
    with pytest.raises(OptionError, match="activation 'leaky_relu' has no option 'slop'"):
        Registry().get("activation", "leaky_relu:slop=1")


# --- parts of packages ----------------------------------------------------------------


def test_a_part_of_a_package_is_found_by_its_entry_point_alone(site):
    site.part("nnplug-twice", "twice", entry_points={"twice": "nnplug_twice"})
    site.part("nnplug-other", "other")
    registry = Registry()
    part = registry.get("activation", "TWICE")
    assert part(np.array([3.0])).tolist() == [6.0]
    assert registry.provider(part).label == "nnplug-twice 1.0"
    assert site.imported() == ["nnplug_twice"]


def test_a_part_of_a_package_is_found_among_all(site):
    site.part("nnplug-many", "twice", version="2.1")
    registry = Registry()
    assert registry.provider(registry.get("activation", "twice")).label == "nnplug-many 2.1"
    assert registry.warnings == []


def test_a_qualified_name_imports_that_package_alone(site):
    site.part("nnplug-a", "twice", factor=2.0)
    site.part("Nnplug.B", "twice", factor=3.0, entry_points={"b": "nnplug_b"})
    (site.folder / "nnplug.b.py").rename(site.folder / "nnplug_b.py")
    registry = Registry()
    assert registry.get("activation", "nnplug_b/twice")(1.0) == 3.0
    assert site.imported() == ["nnplug_b"]


def test_one_name_in_two_packages_is_an_error_only_when_it_is_used(site):
    site.part("nnplug-a", "twice", factor=2.0)
    site.part("nnplug-b", "twice", factor=3.0, version="0.3")
    site.part("nnplug-c", "other")
    registry = Registry()
    assert registry.get("activation", "other").name == "other"
    with pytest.raises(PluginError) as error:
        registry.get("activation", "twice")
    assert message(error) == textwrap.dedent("""\
        activation 'twice' is in 2 packages; say which:
          nnplug-a/twice  from nnplug-a 1.0
          nnplug-b/twice  from nnplug-b 0.3""")
    assert registry.get("activation", "nnplug-b/twice")(1.0) == 3.0
    assert registry.warnings == []


def test_the_answer_does_not_depend_on_what_was_loaded_before(site):
    site.part("nnplug-a", "twice", factor=2.0)
    site.part("nnplug-b", "twice", factor=3.0, entry_points={"twice": "nnplug_b"})
    fresh, full = Registry(), Registry()
    full.plugins.load_all()
    assert fresh.get("activation", "twice")(1.0) == full.get("activation", "twice")(1.0) == 3.0


def test_two_entry_points_may_name_one_module(site):
    points = {"twice": "nnplug_a", "second": "nnplug_a"}
    site.part("nnplug-a", "twice", entry_points=points)
    registry = Registry()
    found = registry.parts("activation", load_all=True)
    assert len(found) == len(registry.names("activation"))
    assert registry.get("activation", "twice").name == "twice"
    assert [each.state for each in registry.plugins.installed] == ["loaded", "loaded"]


def test_one_package_that_has_a_name_twice_is_told_so(site):
    first = site.part("nnplug-a", "twice", entry_points={"one": "nnplug_a", "two": "nnplug_two"})
    second = site.folder / "nnplug_two.py"
    second.write_text(first.read_text())
    with pytest.raises(PluginError) as error:
        Registry().get("activation", "twice")
    assert message(error) == (
        "activation 'twice' is defined more than once by nnplug-a 1.0:\n"
        f"  {first}:4\n  {second}:4\nWay out: give one of them another name."
    )


# --- built-in names are reserved ------------------------------------------------------


def test_a_builtin_name_cannot_be_claimed(site):
    code = """
    import nnplug

    @nnplug.activation
    def relu(x):
        return -x

    @nnplug.activation(aliases=("swish", "thrice"))
    def treble(x):
        return 3 * x

    @nnplug.hookimpl
    def register_activations(register):
        register(relu)
        register(treble)
    """
    source = site.install("nnplug-greedy", code)
    registry = Registry()
    assert registry.get("activation", "thrice").aliases == ("thrice",)
    assert registry.get("activation", "relu")(-1.0) == 0.0
    assert registry.get("activation", "swish").name == "silu"
    (provider,) = registry.plugins.installed
    assert provider.state == "loaded"
    see = "; see: nnplug plugins show nnplug-greedy"
    assert registry.warnings == [
        "plugin nnplug-greedy 1.0: its activation 'relu' is refused: "
        f"'relu' is a built-in activation's name ({source}:4){see}",
        "plugin nnplug-greedy 1.0: the alias 'swish' of its activation 'treble' is refused: "
        f"'swish' is a built-in activation's name ({source}:8){see}",
    ]
    with pytest.raises(UnknownPartError, match="its activation 'relu' is refused"):
        registry.get("activation", "nnplug-greedy/relu")


# --- unknown names --------------------------------------------------------------------


def test_an_unknown_name_says_what_there_is(site):
    site.part("nnplug-twice", "twice")
    with pytest.raises(UnknownPartError) as error:
        Registry().get("activation", "twise")
    lines = message(error).splitlines()
    assert lines[0] == "There is no activation 'twise'. Did you mean 'twice' or 'swish'?"
    assert lines[1] == "Installed activations:"
    assert lines[2].startswith(f"  nnplug {nnplug.__version__}: celu, elu, ")
    assert lines[-1] == "  nnplug-twice 1.0: twice"
    assert max(map(len, lines)) < 80


def test_an_unknown_name_that_is_of_another_kind_says_so(site):
    with pytest.raises(UnknownPartError, match="'accuracy' is the name of a metric"):
        Registry().get("loss", "accuracy")


def test_an_unknown_name_lists_the_plugins_that_may_hold_it(site):
    source = site.install("nnplug-broken", BROKEN)
    site.part("nnplug-shut", "shut")
    with pytest.raises(UnknownPartError) as error:
        Registry(blocked=["nnplug-shut"]).get("activation", "shut")
    assert message(error).endswith(
        "Not loaded, and may hold it:\n"
        f"  nnplug-broken 1.0 (entry point nnplug_broken): {source}:1: ModuleNotFoundError: "
        "No module named 'no_such_module_of_nnplug'\n"
        "  blocked by -p no:nnplug-shut: nnplug-shut 1.0"
    )
    assert "nnplug_shut" not in site.imported()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "nnplug-none/twice",
            "No plugin package 'nnplug-none' is installed. Installed: nnplug-a 1.0.",
        ),
        ("nnplug-a/twise", "There is no activation 'nnplug-a/twise'. Did you mean 'twice'?"),
        ("nnplug/twice", "Installed activations:\n  nnplug 0.1.0: celu"),
    ],
)
def test_an_unknown_qualified_name_speaks_of_that_package(site, text, expected):
    site.part("nnplug-a", "twice")
    with pytest.raises(UnknownPartError) as error:
        Registry().get("activation", text)
    assert expected in message(error)


def test_a_package_without_that_kind_says_so(site):
    site.part("nnplug-a", "twice")
    with pytest.raises(UnknownPartError, match="Package 'nnplug-a' has no loss; see: nnplug plug"):
        Registry().get("loss", "nnplug-a/twice")


# --- broken plugins -------------------------------------------------------------------


def test_a_broken_plugin_is_an_error_for_who_asks_for_it(site):
    source = site.install(
        "nnplug-bad", "\n" + BROKEN, version="3.2", entry_points={"bad": "nnplug_bad"}
    )
    registry = Registry()
    for text in ("bad", "nnplug-bad/anything"):
        with pytest.raises(PluginError) as error:
            registry.get("activation", text)
        assert message(error) == (
            f"activation {text.split('/')[-1]!r} is asked for, and plugin nnplug-bad 3.2 "
            "(entry point bad) cannot be loaded:\n"
            f"{source}:2: ModuleNotFoundError: No module named 'no_such_module_of_nnplug'\n"
            "Way out: pip install --upgrade nnplug-bad, or leave it out with -p no:nnplug-bad.\n"
            "The traceback: nnplug plugins show nnplug-bad"
        )
    assert registry.warnings == []  # the error has said it


def test_a_plugin_that_fails_half_way_is_blamed_for_what_it_declared(site):
    code = """
    import nnplug

    @nnplug.activation
    def half(x):
        return x / 2

    @nnplug.hookimpl
    def register_activations(register):
        register(half)
        raise RuntimeError("no licence")
    """
    source = site.install("nnplug-half", code)
    with pytest.raises(PluginError, match="RuntimeError: no licence") as error:
        Registry().get("activation", "half")
    assert f"{source}:11: " in message(error)


def test_a_broken_plugin_is_one_line_for_everybody_else(site):
    source = site.install("nnplug-broken", BROKEN)
    site.part("nnplug-good", "twice")
    registry = Registry()
    assert registry.get("activation", "twice").name == "twice"
    expected = [
        f"plugin nnplug-broken 1.0: not loaded: {source}:1: ModuleNotFoundError: No module named "
        "'no_such_module_of_nnplug'; see: nnplug plugins show nnplug-broken"
    ]
    assert registry.warnings == expected
    assert registry.take_warnings() == expected
    assert registry.take_warnings() == []


def test_strict_makes_any_failure_fatal_with_its_traceback(site):
    site.install("nnplug-broken", BROKEN)
    site.part("nnplug-good", "twice")
    registry = Registry(strict=True)
    with pytest.raises(PluginError) as error:
        registry.get("activation", "twice")
    assert message(error).startswith("Plugin nnplug-broken 1.0 cannot be loaded:\n")
    assert "\nTraceback (most recent call last):\n" in message(error)
    assert registry.get("activation", "relu").name == "relu"


# --- errors name the package ----------------------------------------------------------


def broken_part(site, body):
    code = PART.format(name="odd", factor=1).replace("return x * 1", body)
    source = site.install("nnplug-odd", code, version="0.4")
    registry = Registry()
    return registry, registry.get("activation", "odd"), source


def test_an_error_about_a_part_says_where_the_part_is_from(site):
    registry, part, _ = broken_part(site, "return x")
    with pytest.raises(PartError) as error, registry.naming_culprits():
        raise PartError(f"activation {part.name!r}: too odd.")
    assert message(error) == (
        "activation 'odd': too odd.\n"
        "activation 'odd' is from nnplug-odd 0.4; check it with: nnplug plugins check "
        "nnplug-odd/odd"
    )


def test_an_error_about_something_else_stays_as_it_is(site):
    registry, _, _ = broken_part(site, "return x")
    with pytest.raises(PartError) as error, registry.naming_culprits():
        raise PartError("activation 'relu': too plain.")
    assert message(error) == "activation 'relu': too plain."
    with pytest.raises(ValueError, match="nobody's"), registry.naming_culprits():
        raise ValueError("nobody's")


def test_an_exception_in_a_parts_own_code_is_the_parts(site):
    registry, part, source = broken_part(site, "return {}[3]")
    with pytest.raises(PartError) as error, registry.naming_culprits():
        part(1.0)
    assert message(error) == (
        "activation 'odd' of nnplug-odd 0.4 failed:\n"
        f"{source}:7: KeyError: 3\n"
        "Check it with: nnplug plugins check nnplug-odd/odd"
    )


def test_a_run_that_diverges_names_every_foreign_part(site):
    registry, _, _ = broken_part(site, "return x")
    with pytest.raises(DivergedError) as error, registry.naming_culprits():
        raise DivergedError("Stopped.", epoch=2, step=7, layer="hidden1")
    assert message(error).startswith("Stopped.\nactivation 'odd' is from nnplug-odd 0.4; ")
    assert (error.value.epoch, error.value.step) == (2, 7)


# --- parts of one's own ---------------------------------------------------------------


def define(factor, name="scaled", aliases=()):
    @nnplug.activation(name=name, aliases=aliases)
    def scaled(x):
        return factor * x

    return scaled


def test_a_registered_part_is_local():
    registry = Registry()
    part = registry.register(define(2.0))
    assert registry.get("activation", "scaled") is part
    assert registry.get("activation", "local/scaled") is part
    assert registry.provider(part).package == "local"
    assert "scaled" in registry.names("activation")
    assert "scaled" not in Registry().names("activation")


def test_a_part_that_is_defined_anew_replaces_the_old_one():
    registry = Registry()
    registry.register(define(2.0))
    registry.register(define(3.0))
    assert registry.get("activation", "scaled")(1.0) == 3.0
    assert registry.names("activation").count("scaled") == 1


def test_another_local_part_of_the_same_name_is_refused():
    registry = Registry()
    registry.register(define(2.0))

    @nnplug.activation(aliases=("scaled",))
    def other(x):
        return x

    with pytest.raises(PluginError, match="another local activation has this name or alias, at"):
        registry.register(other)


def test_a_builtin_name_is_refused_to_a_local_part_too():
    with pytest.raises(PluginError, match="'relu' is a built-in activation's name"):
        Registry().register(define(2.0, name="relu"))


def test_what_is_no_part_cannot_be_registered():
    with pytest.raises(PartError, match="is not a part; make one with @nnplug"):
        Registry().register(len)


def test_a_part_that_nobody_registered_has_a_local_provider():
    assert Registry().provider(define(2.0)).package == "local"
    assert Registry().provider(define(2.0)).version == ""


# --- listing --------------------------------------------------------------------------


def test_parts_lists_without_loading_unless_asked(site):
    site.part("nnplug-twice", "twice")
    registry = Registry()
    assert {provider.package for _, provider in registry.parts()} == {"nnplug"}
    assert site.imported() == []
    found = registry.parts(load_all=True)
    assert [(part.name, each.label) for part, each in found if each.package != "nnplug"] == [
        ("twice", "nnplug-twice 1.0")
    ]
    assert "twice" in registry.names("activation")


def test_find_gives_every_kind_and_never_fails(site):
    registry = Registry()
    assert [part.kind for part, _ in registry.find("mse")] == ["loss", "metric"]
    assert [part.kind for part, _ in registry.find("mse", "metric")] == ["metric"]
    assert registry.find("nobody") == []


def test_a_name_is_ambiguous_unless_one_entry_point_bears_it(site):
    site.part("nnplug-a", "twice")
    site.part("nnplug-b", "twice", entry_points={"b": "nnplug_b"})
    registry = Registry()
    found = [
        each for each in registry.parts("activation", load_all=True) if each[0].name == "twice"
    ]
    assert [registry.is_ambiguous(*each) for each in found] == [True, True]
    site.part("nnplug-c", "twice", entry_points={"twice": "nnplug_c"})
    registry = Registry()
    found = [
        each for each in registry.parts("activation", load_all=True) if each[0].name == "twice"
    ]
    assert [registry.is_ambiguous(*each) for each in found] == [True, True, False]
    assert registry.provider(registry.get("activation", "twice")).package == "nnplug-c"


def test_a_message_counts_the_parts_of_a_large_package(site):
    parts = "".join(
        f"@nnplug.activation\ndef a{n}(x):\n    return {n} * x\n"
        f"@nnplug.layer\ndef b{n}(x):\n    return {n} * x\n"
        for n in range(31)
    )
    site.install(
        "nnplug-large",
        f"import nnplug\n{parts}"
        "@nnplug.hookimpl\ndef register_activations(register):\n"
        "    [register(globals()[f'a{n}']) for n in range(31)]\n"
        "@nnplug.hookimpl\ndef register_layers(register):\n"
        "    [register(globals()[f'b{n}']) for n in range(31)]\n",
    )
    with pytest.raises(UnknownPartError) as error:
        Registry().get("activation", "nothing_like_it")
    assert "  nnplug-large 1.0: 31; nnplug plugins show nnplug-large lists them" in str(error.value)
    with pytest.raises(UnknownPartError) as error:
        find_layers("nothing_like_it", Registry())
    assert str(error.value).endswith("tanh, and 31 of packages.")
