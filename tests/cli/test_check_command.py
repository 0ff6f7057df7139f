from __future__ import annotations

import json
import textwrap

import pytest
from click.testing import CliRunner

import nnplug
from nnplug.cli import main
from nnplug.cli.plugins import plugins
from nnplug.errors import NnplugError
from nnplug.testing import SUITES
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`

BOTH = "in the numpy and numba engines"
HEAD = "import nnplug, numpy as np, os, time\n"
GOOD = HEAD + "@nnplug.activation\ndef good(x):\n    return np.tanh(x)\n"
WRONG = HEAD + textwrap.dedent(
    """\
    @nnplug.activation(derivative=lambda x, y: np.where(x < -2, 1.05, 1.0) * (1 - y * y))
    def wrong(x):
        print("printed by the part")
        return np.tanh(x)

    @nnplug.schedule
    def negative(epoch, epochs):
        return 1.0 - epoch
    """
)
LOOP = HEAD + textwrap.dedent(
    """\
    @nnplug.schedule
    def loops(epoch, epochs):
        while epoch:
            time.sleep(0.01)
        return 1.0

    @nnplug.schedule
    def ends(epoch, epochs):
        os._exit(3)

    @nnplug.schedule
    def good(epoch, epochs):
        return 1.0
    """
)


def run(*arguments, code=0):
    result = CliRunner().invoke(plugins, ["check", *map(str, arguments)])
    if isinstance(result.exception, NnplugError):
        assert result.exception.exit_code == code
        assert result.stdout == ""
        return str(result.exception)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    assert "\x1b" not in result.output
    if "--json" in arguments:
        return json.loads(result.stdout)
    assert all(len(line) <= 80 for line in result.stdout.splitlines() if "/" not in line)
    return result.stdout.splitlines()


@pytest.fixture
def write(tmp_path):
    def write_file(code):
        path = tmp_path / "part.py"
        path.write_text(code)
        return path

    return write_file


# --- what is checked --------------------------------------------------------------------


def test_a_built_in_part():
    lines = run("cosine")
    place = nnplug.__path__[0] + "/builtin/schedules.py:"
    assert lines[0] == f"schedule cosine (nnplug {nnplug.__version__})"
    assert lines[1].startswith(f"  {place}")
    assert lines[2:] == [
        "  ok      number",
        "  ok      finite",
        "  ok      non-negative",
        "  ok      deterministic",
        "  ok      options",
        "",
        "1 part, 5 checks: all passed.",
    ]


def test_a_name_of_two_kinds_and_one_of_them():
    assert run("mse")[-1] == f"2 parts, 17 checks {BOTH}: all passed."
    assert run("mse", "--kind", "metric")[-1] == "1 part, 5 checks: all passed."
    assert "There is no optimizer 'mse'" in run("mse", "--kind", "optimizer", code=2)


def test_options_make_another_part():
    assert run("cosine:end=0.1")[0].startswith("schedule cosine:end=0.1 (nnplug")
    lines = run("cosine:end=-0.5", code=1)  # the learning rate would turn negative
    assert [line.split(":")[0] for line in lines if "FAILED" in line] == ["  FAILED  non-negative"]
    assert "has no option 'ends'. It has end, warmup." in run("cosine:ends=1", code=2)


def test_layers_as_they_are_written_among_others():
    assert run("dense:3", "--engine", "numpy")[-1] == (
        "1 part, 13 checks in the numpy engine: all passed."
    )
    lines = run("residual[layer_norm dense:5]", "--engine", "numpy", code=1)
    assert lines[0].startswith("layer residual[layer_norm dense:5] (nnplug")
    assert "  FAILED  formula: layer 'residual[layer_norm dense:5]': it is given rows of 1" in lines
    assert "holds no layers" in run("dense[relu]", code=2)


def test_a_package_its_entry_point_and_its_part(site):
    site.part("nnplug-good", "twice", version="0.3", entry_points={"both": "nnplug_good"})
    for target in ("nnplug-good", "nnplug_good", "both", "twice", "nnplug-good/twice"):
        lines = run(target)
        assert lines[0] == "activation twice (nnplug-good 0.3)"
        assert lines[-1] == f"1 part, 11 checks {BOTH}: all passed."
    assert run("nnplug-good", "--kind", "loss", code=2) == "nnplug-good has no loss to check."


def test_both_of_two_packages_with_one_name(site):
    site.part("nnplug-one", "twice")
    site.part("nnplug-two", "twice")
    heads = [line for line in run("twice") if line.startswith("activation")]
    assert heads == ["activation twice (nnplug-one 1.0)", "activation twice (nnplug-two 1.0)"]


def test_a_file(write):
    path = write(GOOD)
    assert run(path)[:2] == [f"activation good (local ({path}))", f"  {path}:2"]


def test_what_p_names(write):
    assert run("good", "-p", write(GOOD))[-1] == f"1 part, 11 checks {BOTH}: all passed."


# --- failures ---------------------------------------------------------------------------


def test_a_wrong_derivative_is_located_and_drawn(write):
    lines = run(write(WRONG), "--kind", "activation", code=1)
    start = next(number for number, line in enumerate(lines) if "FAILED" in line)
    said = " ".join(" ".join(lines[start : start + 3]).split())
    assert said.startswith("FAILED derivative at x = -2.")
    assert "(relative error 5 %); wrong at 4" in said
    text = "\n".join(lines)
    assert "          derivative:  x the part's   o measured   * both" in text
    assert "^ x = -2." in text
    assert " ".join(lines[-2:]) == (
        f"1 part, 11 checks {BOTH}: 1 failed (activation wrong: derivative)."
    )
    assert "printed by the part" not in text


def test_json(write):
    path = write(WRONG)
    report = run(path, "--json", code=1)
    assert report["ok"] is False
    wrong, negative = report["parts"]
    assert {key: wrong[key] for key in wrong if key != "checks"} == {
        "kind": "activation",
        "name": "wrong",
        "package": "local",
        "version": "",
        "place": f"{path}:2",
        "engines": ["numba", "numpy"],
    }
    assert negative["engines"] == []
    checks = {each["name"]: each for each in wrong["checks"]}
    assert list(checks) == list(SUITES["activation"])
    assert checks["formula"] == {
        "name": "formula",
        "about": "The traced formula, as written and as the engine runs it, is the function.",
        "outcome": "passed",
        "message": "",
    }
    assert checks["derivative"]["outcome"] == "failed"
    assert len(checks["derivative"]["curve"]["given"]) == 71
    (failed,) = (each for each in negative["checks"] if each["outcome"] == "failed")
    assert failed["name"] == "non-negative"
    assert failed["message"].startswith("at epoch 1.0")
    assert failed["message"].endswith("expected at least 0")
    assert run("cosine", "--json")["ok"] is True


def test_what_never_ends_or_ends_python_costs_no_other_part_its_checks(write):
    path = write(LOOP)
    lines = run(path, "--timeout", "4", code=1)
    assert "  FAILED  number: the check did not end within 4 s, and was stopped" in lines
    assert "  FAILED  number: the check ended Python (exit code 3)" in lines
    assert lines[-4:] == [
        "  ok      options",
        "",
        "3 parts, 15 checks: 2 failed, 8 not run (schedule loops: number; schedule ends:",
        "number).",
    ]


# --- engines, and failures that are declared -----------------------------------------------

DECLARED = HEAD + textwrap.dedent(
    """\
    @nnplug.activation(expected_failures={"finite": "it overflows above 709, as exp does"})
    def steep(x):
        return np.exp(x)

    @nnplug.activation(expected_failures={"finite": "it would be surprising"})
    def tame(x):
        return np.tanh(x)
    """
)


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_one_engine(write, engine):
    path = write(GOOD)
    assert run(path, "--engine", engine)[-1] == (
        f"1 part, 11 checks in the {engine} engine: all passed."
    )
    assert run(path, "--engine", engine, "--json")["parts"][0]["engines"] == [engine]


def test_an_engine_that_is_not_installed(write, monkeypatch):
    # The child finds no Numba: a folder of this name without a spec stands before it.
    monkeypatch.setenv("PYTHONPATH", "")
    path = write("import sys\nsys.modules['numba'] = None\n" + GOOD)
    assert "Numba is not installed" in run(path, "--engine", "numba", code=2)
    assert run(path)[-1] == "1 part, 11 checks in the numpy engine: all passed."


def test_failures_that_a_part_declares_are_shown_and_counted(write):
    path = write(DECLARED)
    lines = run(path, code=1)
    assert "  known   finite fails, as declared: it overflows above 709, as exp does" in lines
    start = next(number for number, line in enumerate(lines) if "FAILED" in line)
    assert " ".join(" ".join(lines[start : start + 2]).split()).startswith(
        "FAILED finite: it passes, but was expected to fail: it would be surprising"
    )
    assert " ".join(lines[-2:]) == (
        f"2 parts, 22 checks {BOTH}: 1 failed, 1 known to fail (activation tame: finite)."
    )
    report = run(path, "--json", code=1)
    outcomes = [each["outcome"] for part in report["parts"] for each in part["checks"]]
    assert outcomes.count("expected failure") == outcomes.count("unexpected pass") == 1
    path.write_text(
        DECLARED.partition('@nnplug.activation(expected_failures={"finite": "it would')[0]
    )
    assert run(path)[-1] == f"1 part, 11 checks {BOTH}: 10 passed, 1 known to fail."


def test_a_declaration_without_a_reason_or_of_no_check(write):
    said = run(write(GOOD.replace("activation", "activation(expected_failures={'finite': ' '})")),
               code=2)  # fmt: skip
    assert "activation 'good': expected_failures: 'finite' needs the reason why it fails." in said
    said = run(write(GOOD.replace("activation", "activation(expected_failures={'finit': 'so'})")),
               code=2)  # fmt: skip
    assert "activation 'good': expected_failures: there is no check 'finit' of activation" in said
    assert "Did you mean 'finite'?" in said


RIGHT = HEAD + textwrap.dedent(
    """\
    @nnplug.optimizer
    def rooted(param, grad, v, *, step, learning_rate=1e-3, beta2=0.999):
        v = beta2 * v + (1 - beta2) * grad * grad
        return param - learning_rate * np.sqrt(1 - beta2**step) * grad / (np.sqrt(v) + 1e-8), v

    @nnplug.activation
    def share_of_positives(x):
        return x * np.mean(np.where(x > 0, 1.0, 0.0), axis=-1, keepdims=True)

    @nnplug.activation
    def narrowed(x):
        return x / np.sqrt(2)

    @nnplug.loss(link="log", targets="positive")
    def gamma_log(prediction, target):
        return target * np.exp(-prediction) + prediction
    """
)


def test_what_is_right_passes(write):
    assert run(write(RIGHT))[-1] == f"4 parts, 43 checks {BOTH}: all passed."


def test_a_loss_that_could_declare_its_link_is_told_so(write):
    path = write(RIGHT.replace('(link="log", targets="positive")', ""))
    text = " ".join(" ".join(run(path, "--kind", "loss", code=1)).split())
    hint = 'declare its link, as in @nnplug.loss(link="log")'
    assert text.count(hint) == 2
    assert "2 failed (loss gamma_log: minimum, finite)." in text


def test_a_number_of_numpys_that_an_author_keeps_is_named(write):
    path = write(
        HEAD + "ROOT = np.sqrt(2)\n\n@nnplug.activation\ndef wide(x):\n    return x / ROOT\n"
    )
    text = " ".join(" ".join(run(path, code=1)).split())
    assert "a plain 2.0 does not: ROOT is a NumPy number; write float(ROOT)" in text
    path.write_text(path.read_text().replace("np.sqrt(2)", "float(np.sqrt(2))"))
    assert run(path)[-1] == f"1 part, 11 checks {BOTH}: all passed."


# --- what cannot be checked -------------------------------------------------------------


def test_a_broken_plugin_is_an_error_and_another_is_no_hindrance(site):
    source = site.install("nnplug-broken", "import nnplug\n1 / 0\n", version="0.3")
    site.part("nnplug-good", "twice")
    assert run("nnplug-broken", code=2) == (
        "Plugin nnplug-broken 0.3 (entry point nnplug_broken) cannot be loaded:\n"
        f"{source}:2: ZeroDivisionError: division by zero"
    )
    assert run("twice")[-1] == f"1 part, 11 checks {BOTH}: all passed."


def test_a_part_that_a_broken_plugin_declares(site):
    code = HEAD + textwrap.dedent(
        """\
        @nnplug.activation
        def declared(x):
            return x

        @nnplug.hookimpl
        def register_activations(register):
            register(declared)
            raise RuntimeError("too late")
        """
    )
    site.install("nnplug-late", code)
    said = run("declared", code=2)
    assert "plugin nnplug-late 1.0 (entry point nnplug_late) cannot be loaded" in said
    assert "RuntimeError: too late" in said


def test_a_blocked_plugin_is_not_loaded(site):
    site.part("nnplug-good", "twice")
    said = run("nnplug-good", "-p", "no:nnplug-good", code=2)
    assert said.endswith("cannot be loaded:\nblocked by -p no:nnplug-good")


def test_a_load_that_never_ends(site):
    site.install("nnplug-slow", "while True: pass\n")
    assert run("nnplug-slow", "--timeout", "1.5", code=2) == (
        "nnplug-slow: loading it did not end within 1.5 s, and was stopped"
    )


def test_a_part_with_a_built_in_name_is_refused(site):
    site.part("nnplug-clash", "relu")
    said = run("nnplug-clash", code=2)
    assert said.startswith("nnplug-clash has no part to check.\nplugin nnplug-clash 1.0: its")
    assert "'relu' is a built-in activation's name" in said


def test_an_unknown_name(capfd):
    with pytest.raises(SystemExit) as caught:
        main(["plugins", "check", "tanhh"])
    assert caught.value.code == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[0] == (
        "error: There is no part, package, entry point or file 'tanhh'. "
        "Did you mean 'tanh' or 'hardtanh'?"
    )


def test_a_missing_file(tmp_path):
    assert run(tmp_path / "none.py", code=2).endswith(f"there is no file {tmp_path}/none.py.")
