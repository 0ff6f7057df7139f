"""scikit-learn's own tests of its networks, with nnplug's estimators in their place.

The file is the installed scikit-learn's, run where it is installed; only the
two names are others when it is imported.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from packaging.version import parse

from tests.sklearn.versions import installed

ROOT = Path(__file__).parents[2]

# Every test that fails, and why it may.
FAIL = {
    "test_gradient": (
        "calls _loss_grad_lbfgs, a private method of scikit-learn's, with the arrays that it works "
        "on; the gradient is compared in test_parity.py"
    ),
}


if installed < parse("1.6"):
    FAIL["test_mlp_regressor_dtypes_casting"] = (
        "compares float32 with float64 predictions, some near 0, to 1e-4 of each; from 1.6 on "
        "the test allows five times as much"
    )


def test_all_pass_but_those_listed(tmp_path):
    report, settings = tmp_path / "report.xml", tmp_path / "pytest.ini"
    settings.write_text("[pytest]\n")
    finished = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "tests.sklearn.replacing", "-c", str(settings)),
            *("--rootdir", str(tmp_path), f"--junitxml={report}"),
            *("--pyargs", "sklearn.neural_network.tests.test_mlp"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    cases = list(ElementTree.parse(report).iter("testcase"))
    failed = {
        case.get("name")
        for case in cases
        if case.find("failure") is not None or case.find("error") is not None
    }
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    assert failed == set(FAIL), finished.stdout[-3000:]
    assert skipped == []
    assert len(cases) > 50


def test_it_is_nnplug_that_is_tested(tmp_path):
    code = (
        "from tests.sklearn.replacing import replace; replace();"
        "import sklearn.neural_network.tests.test_mlp as t;"
        "print(t.MLPClassifier.__module__, t.MLPRegressor.__module__)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert finished.stdout.split() == ["nnplug.sklearn._classifier", "nnplug.sklearn._regressor"]
