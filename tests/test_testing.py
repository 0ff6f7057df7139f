from __future__ import annotations

import math
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import nnplug
import nnplug.engines.numba
from nnplug import testing
from nnplug.builtin.activations import relu, tanh
from nnplug.builtin.losses import mse
from nnplug.builtin.metrics import mse as mse_metric
from nnplug.cli.check import check_events
from nnplug.engines import NUMPY, Engine
from nnplug.errors import PartError, SettingError, UnknownPartError
from nnplug.plugins import isolated
from nnplug.plugins.loading import Plugins
from nnplug.testing import engine as testing_engine
from nnplug.testing.failure import Curve, contrast, different
from nnplug.testing.kit import provider_of
from nnplug.testing.numeric import gradient, slopes
from nnplug.testing.plot import draw
from tests import declared
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`


@nnplug.activation(derivative=lambda x, y: 1.01 * (1 - y * y))
def off(x):
    return np.tanh(x)


# --- the API ----------------------------------------------------------------------------


def test_a_report_names_each_check_and_what_it_found():
    report = testing.run(off)
    assert not report.passed
    assert report.failed == ("derivative",)
    assert [result.name for result in report.results] == list(testing.SUITES["activation"])
    lines = str(report).splitlines()
    assert lines[0] == "activation off"
    assert lines[1] == "passed: formula"
    assert lines[2].startswith("failed: derivative: derivative at x = ")


def test_every_check_says_what_it_makes_sure_of():
    for suite in testing.SUITES.values():
        for function in suite.values():
            about = function.__doc__.partition("\n")[0]
            assert about.endswith(".")
            assert len(about) < 90


def test_a_failure_names_part_package_and_place():
    check = next(each for each in testing.checks(off) if each.name == "derivative")
    with pytest.raises(testing.CheckFailure) as caught:
        check()
    place = f"{__file__}:{off.function.__code__.co_firstlineno}"
    assert str(caught.value).startswith(f"activation 'off' ({place}): derivative: derivative at x")
    assert isinstance(caught.value, AssertionError)
    (named, *_) = testing.checks(off, provider="nnplug-off 1.0")
    assert named.provider == "nnplug-off 1.0"
    assert named.id == "off-formula"


def test_the_package_is_found_from_the_module(site):
    code = """
        import nnplug

        @nnplug.activation(derivative=lambda x, y: 0.0)
        def flat(x):
            return x
    """
    site.install("nnplug-flat", code, version="0.3")
    import nnplug_flat

    with pytest.raises(testing.CheckFailure, match=r"'flat' \(nnplug-flat 0\.3, .*nnplug_flat\.py"):
        testing.checks(nnplug_flat.flat)[1]()
    assert provider_of(relu) == f"nnplug {nnplug.__version__}"
    assert provider_of(off) == ""


def test_expected_failures_carry_their_reason_and_must_fail():
    report = testing.run(off, expected_failures={"derivative": "it is 1 % too large"})
    assert report.passed
    assert report.results[1].outcome == "expected failure"
    assert report.results[1].message == "it is 1 % too large"
    report = testing.run(tanh, expected_failures={"derivative": "once"})
    assert report.failed == ("derivative",)
    assert report.results[1].message == "it passes, but was expected to fail: once"


def test_expected_failures_are_checked():
    with pytest.raises(SettingError) as caught:
        testing.checks(off, expected_failures={"derivativ": "because"})
    assert str(caught.value) == (
        "expected_failures: there is no check 'derivativ' of activation 'off'. "
        "Did you mean 'derivative'?\nThe checks are formula, derivative, finite, shape, dtype, "
        "rows, gives, inputs-unchanged, deterministic, options, training."
    )
    with pytest.raises(SettingError, match="'derivative' needs the reason why activation 'off'"):
        testing.checks(off, expected_failures={"derivative": " "})
    with pytest.raises(SettingError, match="there is no check 'off-rowz' of these parts"):
        testing.parametrize(off, expected_failures={"off-rowz": "because"})
    with pytest.raises(PartError, match="not a part; make one with"):
        testing.checks(np.tanh)


def test_a_part_declares_its_failures_itself():
    @nnplug.activation(
        derivative=lambda x, y: 1.01 * (1 - y * y), expected_failures={"derivative": "known"}
    )
    def known(x):
        return np.tanh(x)

    assert testing.run(known).results[1].outcome == "expected failure"
    assert known.with_options().expected_failures == {"derivative": "known"}
    (check,) = (each for each in testing.checks(known) if each.reason)
    assert (check.name, check.reason) == ("derivative", "known")
    given = {each.id: each for each in testing.parametrize(known).args[1]}
    assert given["known-derivative"].marks[0].kwargs["reason"] == "known"
    # What the call says stands before what the part says.
    again = testing.checks(known, expected_failures={"derivative": "still", "rows": "also"})
    assert [each.reason for each in again if each.reason] == ["still", "also"]


def test_an_option_is_tried_within_its_range():
    @nnplug.activation(ranges={"p": "[1, inf)", "bits": "[2, 16]"})
    def ranged(x, *, p=1.5, bits=4):
        return x * p**bits

    (check,) = (each for each in testing.checks(ranged, engine="numpy") if each.name == "options")
    check()  # 1.5 / 3 + 0.1 and 1004 are refused


@pytest.mark.parametrize("kind", list(testing.SUITES))
def test_every_kind_of_part_can_declare_one(kind):
    arguments = {
        "activation": "x", "layer": "x", "loss": "prediction, target", "schedule": "epoch, epochs",
        "optimizer": "param, grad, *, learning_rate=1.0", "metric": "prediction, target",
        "initializer": "generator, fan_in, fan_out", "dataset": "", "recipe": "facts",
        "encoding": "x",
    }[kind]  # fmt: skip
    namespace = {}
    exec(f"def odd({arguments}):\n    return 0", namespace)
    make = getattr(nnplug, kind)
    part = make(expected_failures={"options": "so"})(namespace["odd"])
    assert part.expected_failures == {"options": "so"}
    for empty in ("", " ", None):
        with pytest.raises(PartError, match=rf"{kind} 'odd': .*'options' needs the reason"):
            make(expected_failures={"options": empty})(namespace["odd"])


# --- engines ----------------------------------------------------------------------------


def test_checks_of_what_training_computes_run_in_each_installed_engine(monkeypatch):
    found = {each.name: [engine.name for engine in each.engines] for each in testing.checks(tanh)}
    assert found["derivative"] == ["numpy", "numba"]
    assert found["options"] == []
    assert {each.name for each in testing.checks(mse) if each.engines} == {
        "gradient", "reduction", "weights", "finite",
    }  # fmt: skip
    (one,) = {each.engines for each in testing.checks(tanh, engine="numba") if each.engines}
    assert [engine.name for engine in one] == ["numba"]
    monkeypatch.setattr(nnplug.engines.numba, "find_spec", lambda name: None)
    assert testing.checks(tanh)[0].engines == (NUMPY,)
    with pytest.raises(UnknownPartError, match="Did you mean 'numba'"):
        testing.checks(tanh, engine="numb")


def test_what_is_wrong_in_one_engine_alone_is_said_to_be(monkeypatch):
    def bind(program, arrays, memory, /, *, many=False, like=None):
        bound = NUMPY.bind(program, arrays, memory)
        results = bound.results.get("output")
        if results is not None:
            bound.calls.append(lambda: np.add(results, 0.125, out=results))
        return bound

    engines = [NUMPY, Engine("shifted", bind)]
    monkeypatch.setattr(testing_engine, "engines_at_hand", lambda registry: engines)
    report = testing.run(relu)
    assert report.failed == ("formula",)
    assert report.results[0].message.startswith(
        "only in the shifted engine: value of the formula, run by the engine, on a 1 x 1 input"
    )
    assert [result.only_in for result in report.results[:2]] == ["shifted", ""]


# --- what is right passes -----------------------------------------------------------------


@testing.parametrize(*declared.LOSSES)
def test_losses_with_a_link_or_other_targets(check):
    check()


@testing.parametrize(*declared.OTHERS, engine="numpy")
def test_other_losses_with_a_link(check):
    check()


@nnplug.optimizer
def rooted(param, grad, v, *, step, learning_rate=1e-3, beta2=0.999):
    v = beta2 * v + (1 - beta2) * grad * grad
    return param - learning_rate * np.sqrt(1 - beta2**step) * grad / (np.sqrt(v) + 1e-8), v


@nnplug.activation
def share_of_positives(x):
    return x * np.mean(np.where(x > 0, 1.0, 0.0), axis=-1, keepdims=True)


@testing.parametrize(rooted, share_of_positives)
def test_a_plain_call_that_widens_float32_through_numbers_alone(check):
    check()


WRONG_DECLARED = {
    # The prediction is said to be a logarithm, and is not.
    "minimum": nnplug.loss(link="log", name="squared")(
        lambda prediction, target: (prediction - target) ** 2
    ),
    # At a count of 0 it is the logarithm of 0.
    "finite": nnplug.loss(link="log", targets="count", name="saturated")(
        lambda prediction, target: np.exp(prediction) - target * (prediction - np.log(target))
    ),
}


@pytest.mark.parametrize("check", WRONG_DECLARED)
def test_a_declaration_that_is_not_so_is_found(check):
    assert check in testing.run(WRONG_DECLARED[check], engine="numpy").failed


@nnplug.loss(link="log", targets="positive")
def log_normal(log_median, log_spread, target):
    """The squared error of a logarithm in its own unit, and the logarithm of the unit."""
    return 0.5 * ((np.log(target) - log_median) * np.exp(-log_spread)) ** 2 + log_spread


@nnplug.loss(link="log", targets="count", ranges={"share": "[0.5, 1]"})
def weighed_counts(log_mean, logit, target, *, share=0.5):
    """A Poisson loss whose second output is drawn to 0."""
    return np.exp(log_mean) - target * log_mean + share * logit**2


@testing.parametrize(log_normal, weighed_counts, engine="numpy")
def test_several_outputs_meet_targets_of_their_kind_and_options_of_their_range(check):
    check()


def test_several_outputs_that_miss_the_link_of_the_target_are_found():
    @nnplug.loss(link="log", targets="positive")
    def without_link(middle, spread, target):
        return (middle - target) ** 2 + spread**2

    (result,) = [r for r in testing.run(without_link, engine="numpy").results if not r.ok]
    assert (
        "the loss where middle, which is predicted, is the log of the target is" in result.message
    )


def test_parametrize_gives_each_check_an_id_and_strict_expected_failures():
    mark = testing.parametrize(off, mse, mse_metric, expected_failures={"off-derivative": "known"})
    given = {each.id: each for each in mark.args[1]}
    assert list(given)[:2] == ["off-formula", "off-derivative"]
    # A loss and a metric of one name are told apart.
    assert {"mse-gradient", "loss-mse-deterministic", "metric-mse-deterministic"} <= set(given)
    (xfail,) = given["off-derivative"].marks
    assert xfail.kwargs == {"reason": "known", "raises": testing.CheckFailure, "strict": True}
    everywhere = testing.parametrize(off, mse, expected_failures={"options": "known"}).args[1]
    assert [each.id for each in everywhere if each.marks] == ["off-options", "mse-options"]


@testing.parametrize(relu, off, expected_failures={"off-derivative": "it is 1 % too large"})
def test_as_an_author_writes_it(check):
    check()


def test_an_exception_of_the_part_is_a_finding_at_its_line():
    @nnplug.schedule
    def raises(epoch, epochs):
        return [][int(epoch)]

    report = testing.run(raises)
    line = raises.function.__code__.co_firstlineno + 2
    assert report.results[0].message == f"{__file__}:{line}: it raises IndexError: " + (
        "list index out of range"
    )

    @nnplug.schedule
    def exits(epoch, epochs):
        sys.exit("no")

    assert "it calls sys.exit('no'), and a part may not" in testing.run(exits).results[0].message


START = nnplug.trainable(0.25)


@nnplug.activation
def one_slope(x, *, slope=START):
    return np.where(x > 0, x, slope * x)


@testing.parametrize(one_slope)
def test_what_is_learned_is_checked_too(check):
    check()


# --- the oracle -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("function", "derivative"),
    [
        (np.sin, np.cos),
        (lambda x: np.sin(40 * x), lambda x: 40 * np.cos(40 * x)),
        (lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0)),
        (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
         lambda x: np.where(x > 0, 1, np.exp(x))),
        (lambda x: abs(x - np.floor(x) - 0.5), lambda x: np.where(x - np.floor(x) < 0.5, -1, 1)),
        (lambda x: np.exp(-((30 * x) ** 2)), lambda x: -1800 * x * np.exp(-((30 * x) ** 2))),
    ],
)  # fmt: skip
def test_slopes_are_right_and_stepped_around_kinks(function, derivative):
    x = np.concatenate([np.linspace(-3, 3, 61), [0.0, 0.5, 1e-4, -2e-3]])
    found = slopes(function, x)
    assert found.known.all()
    assert (abs(found.slope - derivative(found.x)) <= found.tolerance).all()
    assert (found.tolerance <= 1e-5 * np.maximum(1, abs(found.slope))).all()
    assert (abs(found.x - x) < 0.04).all()


def test_nothing_is_measured_where_there_is_nothing():
    noise = np.random.default_rng(0)
    assert not slopes(lambda x: noise.normal(size=x.shape), np.linspace(-1, 1, 9)).known.any()
    with np.errstate(invalid="ignore"):
        assert slopes(np.sqrt, np.array([-1.0, 4.0])).known.tolist() == [False, True]


def test_gradient_of_a_number():
    x = np.array([[1.0, -2.0], [0.0, 3.0]])
    found = gradient(lambda each: float(np.sum(each**3) + abs(each[1, 0])), x)
    np.testing.assert_allclose(found.slope, [[3, 12], [math.nan, 27]], rtol=1e-10)


# --- what is said -----------------------------------------------------------------------


def test_numbers_have_the_digits_that_tell_them_apart():
    assert contrast(0.0979, 0.1023) == (
        "the part gives 0.0979, expected 0.1023 (relative error 4.3 %)"
    )
    assert contrast(1.00001, 1.0) == ("the part gives 1.00001, expected 1 (relative error 0.001 %)")
    assert contrast(0.5, 0.0) == "the part gives 0.5, expected 0 (absolute error 0.5)"
    assert contrast(2.0, 0.5) == "the part gives 2, expected 0.5 (relative error 300 %)"
    assert contrast(math.nan, 0.5) == "the part gives nan, expected 0.5"


def test_arrays_differ_at_a_place_or_in_shape():
    assert different(np.zeros(3), np.zeros(2)) == "the part gives shape (3,), expected (2,)"
    assert different(np.array([1.0, np.nan]), np.array([1.0, np.nan])) == ""
    assert different(np.array([1.0, np.nan]), np.array([1.0, 2.0])) == (
        "at element 1: the part gives nan, expected 2"
    )


def test_a_plot_fits_and_needs_no_colours():
    x = np.linspace(-6, 6, 71)
    curve = Curve("x", x.tolist(), (x**2).tolist(), (2 * x + 3).tolist(), (2 * x).tolist(), 1.0)
    text = draw(curve)
    lines = text.splitlines()
    assert all(len(line) < 80 for line in lines)
    assert text.isascii()
    assert lines[0].strip() == "value along x"
    assert lines[1].split()[0] == "36"
    assert lines[-1].split() == ["^", "x", "=", "1"]
    assert {"x", "o", "*", "-"} <= set("".join(lines[11:20]))


def test_a_plot_of_nothing_finite():
    nothing = [math.nan] * 3
    assert draw(Curve("x", [0.0, 1.0, 2.0], [5.0] * 3, nothing, [math.inf] * 3, 0.0))


# --- pytest -----------------------------------------------------------------------------


def test_the_fixture_hides_what_is_installed(site, nnplug_registry, monkeypatch):
    site.part("nnplug-good", "twice")
    assert [each.package for each in nnplug_registry.plugins.installed] == []
    assert Plugins().installed == []
    with pytest.raises(UnknownPartError):
        nnplug_registry.get("activation", "twice")
    assert site.imported() == []


def test_the_fixture_registers_for_one_test(nnplug_registry):
    nnplug_registry.register(one_slope)
    assert nnplug_registry.get("activation", "one_slope:slope=0.1").options == {"slope": 0.1}
    run = nnplug.train("xor", activation="one_slope", epochs=1)
    assert run.network.layers[0].activation is one_slope


@pytest.mark.parametrize("kind", ["activation", "loss"])
def test_and_not_for_the_next(kind, nnplug_registry):
    assert "one_slope" not in nnplug_registry.names(kind)
    with pytest.raises(UnknownPartError):
        nnplug.train("xor", activation="one_slope", epochs=1)


def test_the_plugin_imports_next_to_nothing():
    code = "import sys, nnplug.testing.pytest_plugin; print([*filter(sys.modules.get, ['numpy'])])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"


def test_pytest_runs_the_suite_of_a_package(tmp_path):
    (tmp_path / "test_parts.py").write_text(
        textwrap.dedent(
            """
            import numpy as np
            import nnplug, nnplug.testing

            @nnplug.activation
            def good(x):
                return np.tanh(x)

            @nnplug.activation
            def bad(x):
                return np.log(1 + np.exp(x))

            @nnplug.testing.parametrize(good, bad, expected_failures={"good-rows": "it passes"})
            def test_conformance(check):
                check()

            def test_registry(nnplug_registry):
                nnplug_registry.register(good)
            """
        )
    )
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rf", "-W", "error", "--color=no", "-p",
         "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert said.returncode == 1, said.stdout
    assert "FAILED test_parts.py::test_conformance[bad-finite]" in said.stdout
    assert "FAILED test_parts.py::test_conformance[good-rows] - [XPASS(strict)] it" in said.stdout
    assert said.stdout.rstrip().splitlines()[-1].startswith("2 failed, 21 passed")


# --- processes of their own -------------------------------------------------------------


REQUEST = {"kind": None, "engine": None, "plugins": [], "strict": False}


def events(target, limit=30.0, **changed):
    return list(check_events({**REQUEST, "target": str(target), **changed}, limit))


def test_events_come_in_order():
    found = events("xor")
    assert [each["event"] for each in found] == ["part", *["start", "result"] * 5]
    assert found[0]["name"] == "xor"
    assert list(found[0]["checks"]) == list(testing.SUITES["dataset"])
    assert {each["outcome"] for each in found if each["event"] == "result"} == {"passed"}


def test_an_endless_load_is_an_error(tmp_path):
    (tmp_path / "part.py").write_text("while True: pass\n")
    (error,) = events(tmp_path / "part.py", limit=2.0)
    assert error == {
        "event": "error",
        "message": f"{tmp_path}/part.py: loading it did not end within 2 s, and was stopped",
    }


def test_an_interrupted_run_leaves_no_process_behind(monkeypatch):
    started = []

    class Popen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(isolated.subprocess, "Popen", Popen)
    found = check_events({**REQUEST, "target": "nnplug"}, 30)
    assert next(found)["event"] == "part"
    (process,) = started
    assert process.poll() is None
    found.close()
    assert process.poll() is not None


def test_options_are_tried_within_their_ranges_only():
    @nnplug.activation(ranges={"slope": "[0.5, 1]"})
    def bounded(x, *, slope=1.0):  # a third of 1, plus 0.1, is too small, and any more too large
        return slope * x

    report = testing.run(bounded)
    assert report.passed, report
