from __future__ import annotations

import sys
import textwrap

import pytest

from nnplug.errors import PluginError
from nnplug.plugins.loading import Plugins
from tests.plugins.packages import PART, isolated_site  # noqa: F401  # the fixture `site`

FORM = "write def register_activations(register)."

BAD = {
    "import": ("import no_such_x\n", ":1: ModuleNotFoundError: No module named 'no_such_x'"),
    "syntax": ("\nx = = 1\n", ":2: SyntaxError: invalid syntax"),
    "exit": ("import sys\nsys.exit(3)\n", ":2: it calls sys.exit(3)"),
    "hook": (
        "import nnplug\n@nnplug.hookimpl\ndef register_losses(register):\n    1 / 0\n",
        ":4: ZeroDivisionError: division by zero",
    ),
    "hook exits": (
        "import nnplug\n@nnplug.hookimpl\ndef register_losses(register):\n    raise SystemExit\n",
        ":4: it calls sys.exit(None)",
    ),
    "misspelt": (
        "import nnplug\n@nnplug.hookimpl\ndef register_activation(register):\n    pass\n",
        ":2: there is no hook 'register_activation'. Did you mean 'register_activations'",
    ),
    "undecorated": (
        "def register_activations(register):\n    pass\n",
        ":1: register_activations is not decorated: put @nnplug.hookimpl above it.",
    ),
    "no hook": ("x = 1\n", "it implements no hook of nnplug. Write for example"),
    "wrong argument": (
        "import nnplug\n@nnplug.hookimpl\ndef register_activations(registry):\n    pass\n",
        f":2: register_activations is not given 'registry'; {FORM}",
    ),
    "no argument": (
        "import nnplug\n@nnplug.hookimpl\ndef register_activations():\n    pass\n",
        f":2: register_activations does not take 'register'; {FORM}",
    ),
    "default": (
        "import nnplug\n@nnplug.hookimpl\ndef register_activations(register=None):\n    pass\n",
        f":2: register_activations: 'register' must have no default; {FORM}",
    ),
    "yields": (
        "import nnplug\n@nnplug.hookimpl\ndef register_activations(register):\n    yield 1\n",
        ":2: register_activations yields; it must be a plain function.",
    ),
    "returns": (
        "import nnplug\n@nnplug.hookimpl\ndef register_activations(register):\n    return [1]\n",
        ":2: register_activations returns a list; it must call register(part) for each part and "
        "return nothing.",
    ),
    "wrong kind": (
        "import nnplug\n@nnplug.loss\ndef odd(prediction, target):\n    return prediction\n"
        "@nnplug.hookimpl\ndef register_activations(register):\n    register(odd)\n",
        ":7: register_activations takes a part made with @nnplug.activation, not the loss 'odd'; "
        "register that in register_losses.",
    ),
    "plain function": (
        "import nnplug\ndef odd(x):\n    return x\n"
        "@nnplug.hookimpl\ndef register_activations(register):\n    register(odd)\n",
        ":6: register_activations takes a part made with @nnplug.activation, not the plain "
        "function 'odd'; decorate it with @nnplug.activation.",
    ),
    "signature": (
        "import nnplug\n@nnplug.activation\ndef odd(x, y):\n    return x\n",
        ":2: activation 'odd': an activation takes (x), not (x, y).",
    ),
    "twice": (
        PART.format(name="odd", factor=2) + "    register(odd)\n",
        "activation 'odd' has a name or alias that this plugin has already given to 'odd'",
    ),
}  # fmt: skip


def load(manager: Plugins) -> list[tuple[str, str]]:
    return [(provider.package, provider.state) for provider in manager.load_all()]


# --- finding --------------------------------------------------------------------------


def test_builtin_modules_are_plugins_like_any_other():
    manager = Plugins()
    assert manager.builtin("loss")[0].parts[0].name == "mse"
    assert [each.plugin_name for each, _ in manager.implementations("register_losses")] == [
        "nnplug:losses"
    ]


# --- isolation ------------------------------------------------------------------------


@pytest.mark.parametrize("bad", BAD)
def test_a_broken_plugin_fails_alone_and_says_where(site, bad):
    code, cause = BAD[bad]
    site.part("nnplug-after", "after")
    site.part("nnplug-a-before", "before")
    source = site.install("nnplug-bad", code, version="0.7")
    manager = Plugins()
    assert load(manager) == [
        ("nnplug-a-before", "loaded"),
        ("nnplug-after", "loaded"),
        ("nnplug-bad", "failed"),
    ]
    failed = manager.installed[-1]
    assert cause in failed.cause
    if cause.startswith(":"):
        assert failed.cause.startswith(f"{source}{cause}")
    assert "\n" not in failed.cause
    assert failed.parts == []
    for hook in ("register_activations", "register_losses"):
        assert "nnplug-bad" not in [each.package for each, _ in manager.implementations(hook)]


def test_an_entry_point_that_names_nothing_says_which(site):
    site.install("nnplug-a", "x = 1\n", entry_points={"a": "nnplug_gone", "b": "nnplug_a:nothing"})
    first, second = Plugins().load("nnplug-a")
    assert first.cause == (
        "entry point 'a' (nnplug_gone): ModuleNotFoundError: No module named 'nnplug_gone'"
    )
    assert second.cause.startswith("entry point 'b' (nnplug_a:nothing): AttributeError: ")


def test_an_instance_is_a_plugin_and_a_class_is_not(site):
    code = """
    import nnplug

    @nnplug.activation
    def twice(x):
        return 2 * x

    class Plugin:
        @nnplug.hookimpl
        def register_activations(self, register):
            register(twice)

    plugin = Plugin()
    """
    points = {"good": "nnplug_a:plugin", "wrong": "nnplug_a:Plugin"}
    source = site.install("nnplug-a", code, entry_points=points)
    good, wrong = Plugins().load("nnplug-a")
    assert [part.name for part in good.parts] == ["twice"]
    assert wrong.cause == (
        f"{source}:8: Plugin is a class; let the entry point name an instance of it."
    )


def test_a_keyboard_interrupt_is_never_caught(site):
    site.install("nnplug-a", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        Plugins().load_all()


def test_an_error_far_from_the_plugin_is_shown_at_the_plugins_line(site):
    source = site.install("nnplug-a", "import json\n\njson.loads('{')\n")
    (provider,) = Plugins().load_all()
    assert provider.cause.startswith(f"{source}:3: JSONDecodeError: Expecting property name")
    assert provider.traceback.startswith("Traceback (most recent call last):")
    assert provider.traceback.splitlines()[1] == f'  File "{source}", line 3, in <module>'


def test_strict_names_the_first_failure_with_its_traceback(site):
    source = site.install("nnplug-a", "1 / 0\n")
    with pytest.raises(PluginError) as error:
        Plugins(strict=True).load_all()
    assert str(error.value).startswith(
        f"Plugin nnplug-a 1.0 cannot be loaded:\n{source}:1: ZeroDivisionError: division by zero\n"
        "Traceback (most recent call last):\n"
    )


def test_strict_refuses_a_builtin_name(site):
    site.part("nnplug-a", "relu")
    with pytest.raises(PluginError, match="its activation 'relu' is refused"):
        Plugins(strict=True).load_all()


# --- blocking -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nnplug-a", "NNPLUG_a", "nnplug.A", "My.Point", "my-point"])
def test_a_block_is_by_package_or_entry_point_and_before_the_import(site, name):
    site.part("nnplug-a", "one", entry_points={"my_point": "nnplug_a"})
    site.part("nnplug-b", "two")
    manager = Plugins(blocked=[name])
    assert load(manager) == [("nnplug-a", "blocked"), ("nnplug-b", "loaded")]
    assert manager.installed[0].cause == f"blocked by -p no:{name}"
    assert site.imported() == ["nnplug_b"]


@pytest.mark.parametrize(
    ("listed", "loaded"), [("", []), ("nnplug-b", ["nnplug_b"]), (" NNPLUG_A ,", ["nnplug_a"])]
)
def test_the_allow_list_blocks_the_rest(site, listed, loaded):
    site.part("nnplug-a", "one")
    site.part("nnplug-b", "two")
    manager = Plugins.from_environment(environment={"NNPLUG_PLUGINS": listed})
    manager.load_all()
    assert site.imported() == loaded
    for provider in manager.installed:
        if provider.module not in loaded:
            assert provider.cause == "not named in NNPLUG_PLUGINS"


@pytest.mark.parametrize(
    ("value", "strict"), [("1", True), ("true", True), ("0", False), ("", False), ("no", False)]
)
def test_strictness_from_the_environment(value, strict):
    environment = {"NNPLUG_STRICT_PLUGINS": value}
    assert Plugins.from_environment(environment=environment).strict is strict
    assert Plugins.from_environment(strict=True, environment={}).strict


def test_options_block_and_load(site):
    site.part("nnplug-a", "one")
    site.part("nnplug-b", "two")
    options = ["no:nnplug-a", "nnplug_b"]
    manager = Plugins.from_environment(options, environment={})
    assert [each.state for each in manager.installed] == ["blocked", "loaded"]


# --- local plugins --------------------------------------------------------------------


@pytest.mark.parametrize("with_hook", [True, False])
def test_a_file_is_loaded_with_or_without_hooks(site, with_hook):
    code = PART.format(name="mine", factor=2)
    path = site.folder / "my-part.py"
    path.write_text(code if with_hook else code.partition("@nnplug.hookimpl")[0])
    manager = Plugins(local=[str(path), str(path)])
    (provider,) = [each for each in manager.known if each.package == "local"]
    assert (provider.state, provider.version) == ("loaded", "")
    assert provider.label == f"local ({path})"
    assert [part.name for part in provider.parts] == ["mine"]


def test_a_module_is_loaded(site):
    (site.folder / "mine").mkdir()
    (site.folder / "mine" / "parts.py").write_text(PART.format(name="mine", factor=2))
    manager = Plugins(local=["mine.parts"])
    assert [part.name for part in manager.known[-1].parts] == ["mine"]


def test_an_installed_plugin_keeps_its_provider(site):
    site.part("nnplug-a", "one", version="4.0")
    for name in ("nnplug_a", "nnplug-a"):
        manager = Plugins(local=[name], allowed=[])
        assert [(each.label, each.state) for each in manager.installed] == [
            ("nnplug-a 4.0", "loaded")
        ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("./gone.py", "-p ./gone.py: there is no file "),
        ("gone", "-p gone: there is no module, installed plugin or entry point with this"),
        ("gone.away", "-p gone.away: there is no module, installed plugin"),
        ("nnplug.gone", "-p nnplug.gone: there is no module, installed plugin"),
        ("nnplug_bad", "Plugin nnplug-bad 1.0 cannot be loaded:\n"),
        ("bad_module", "Plugin local (bad_module) cannot be loaded:\n"),
        ("empty_module", "entry point 'empty_module' (empty_module): it has neither a part nor a"),
        ("greedy", "Plugin local (greedy): its activation 'relu' is refused: 'relu' is a built-in"),
    ],
)
def test_a_local_plugin_that_is_broken_is_always_an_error(site, text, expected):
    site.install("nnplug-bad", "1 / 0\n")
    (site.folder / "bad_module.py").write_text("1 / 0\n")
    (site.folder / "empty_module.py").write_text("")
    (site.folder / "greedy.py").write_text(PART.format(name="relu", factor=2))
    with pytest.raises(PluginError) as error:
        Plugins(local=[text])
    assert expected in str(error.value)


def test_a_broken_file_leaves_no_module_behind(site):
    path = site.folder / "broken.py"
    path.write_text("1 / 0\n")
    with pytest.raises(PluginError, match=r"broken\.py:1: ZeroDivisionError"):
        Plugins(local=[str(path)])
    assert "nnplug_local_broken" not in sys.modules


def test_asked_for_and_blocked_is_a_contradiction(site):
    site.part("nnplug-a", "one")
    with pytest.raises(
        PluginError, match=r"-p nnplug-a: plugin nnplug-a 1\.0 is blocked by -p no:nnp"
    ):
        Plugins(local=["nnplug-a"], blocked=["nnplug-a"])
    assert site.imported() == []


def test_training_hooks_are_kept_with_their_provider(site):
    code = """
    import nnplug

    @nnplug.hookimpl
    def on_epoch_end(record):
        return record
    """
    site.install("nnplug-watch", textwrap.dedent(code))
    manager = Plugins()
    manager.load_all()
    ((provider, function),) = manager.implementations("on_epoch_end")
    assert provider.package == "nnplug-watch"
    assert function(3) == 3
