from __future__ import annotations

import importlib.util
import json

import pytest
from click.testing import CliRunner

from nnplug.cli import cli
from nnplug.plugins.examination import HEAVY
from tests.plugins.packages import PART, isolated_site  # noqa: F401  # the fixture `site`


def run(*arguments, code=0, **environment):
    result = CliRunner().invoke(
        cli, ["plugins", "doctor", *map(str, arguments)], env={"COLUMNS": "80", **environment}
    )
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.stdout


def report(*arguments, code=0, **environment):
    found = json.loads(run("--json", *arguments, code=code, **environment))
    assert found["ok"] is (code == 0)
    return found


def squeeze(text):
    return " ".join(text.split())


def test_nothing_installed_is_no_problem(site):
    assert run() == "no plugins: no problem.\n"


def test_a_sound_plugin_is_ok_with_its_time_and_parts(site):
    site.part("nnplug-good", "twice", entry_points={"twice": "nnplug_good"})
    (found,) = report()["plugins"]
    assert 0 < found.pop("seconds") < 1
    assert found == {
        "package": "nnplug-good",
        "version": "1.0",
        "entry_point": "twice",
        "module": "nnplug_good",
        "state": "loaded",
        "parts": [{"kind": "activation", "name": "twice", "aliases": []}],
        "problems": [],
        "notes": [],
        "also": [],
    }
    lines = run().splitlines()
    assert lines[0].startswith("nnplug-good 1.0 (twice): ok, ")
    assert lines[1:] == ["  parts    activation twice", "", "1 plugin: no problem."]


def test_each_plugin_is_loaded_by_itself_and_none_in_this_process(site):
    site.install("nnplug-bad", "\nraise ValueError('no licence')\n", version="0.2")
    site.part("nnplug-good", "twice")
    written = run(code=1)
    lines = written.splitlines()
    assert lines[0].startswith("nnplug-bad 0.2 (nnplug_bad): failed, ")
    assert "nnplug_bad.py:2: ValueError: no licence" in squeeze(written)
    assert "           traceback: nnplug plugins show nnplug-bad" in lines
    assert any(line.startswith("nnplug-good 1.0 (nnplug_good): ok, ") for line in lines)
    assert lines[-1] == "2 plugins: 1 with problems."
    assert all(len(line) <= 80 for line in lines if "/" not in line)
    assert site.imported() == []


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (
            "import time\nwhile True:\n    time.sleep(1)\n",
            "loading it did not end within 3 s",
        ),
        ("import os\nos._exit(7)\n", "loading it ended Python (exit code 7)."),
        (
            "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
            "loading it ended Python (signal 9).",
        ),
        ("print('hello')\nimport os\nos.write(1, b'x')\n1 / 0\n", "ZeroDivisionError"),
        ("import sys\nsys.exit(2)\n", "it calls sys.exit(2)"),
    ],
)
def test_whatever_a_plugin_does_the_doctor_goes_on(site, code, cause):
    site.install("nnplug-bad", code)
    site.part("nnplug-good", "twice")
    bad, good = report("--time-limit", "3" if "did not end" in cause else "30", code=1)["plugins"]
    assert cause in bad["problems"][0]
    assert bad["state"] == "failed"
    assert good["state"] == "loaded"


def test_a_nearly_right_function_is_reported(site):
    code = PART.format(name="twice", factor=2) + "\ndef register_loses(register):\n    pass\n"
    site.install("nnplug-a", code)
    (found,) = report(code=1)["plugins"]
    assert found["problems"] == [
        f"{site.folder / 'nnplug_a.py'}:13: nothing calls 'register_loses': there is no such hook. "
        "Did you mean 'register_losses' or 'register_layers'?"
    ]
    assert run(code=1).startswith("nnplug-a 1.0 (nnplug_a): loaded, ")


def test_a_reserved_name_is_reported(site):
    site.part("nnplug-a", "relu")
    (found,) = report(code=1)["plugins"]
    assert found["problems"][0].startswith("its activation 'relu' is refused: 'relu' is a built-in")


def test_a_name_of_two_packages_is_reported_at_both(site):
    site.part("nnplug-a", "twice")
    site.part("nnplug-b", "twice", version="2.0")
    first, second = report(code=1)["plugins"]
    assert first["problems"] == [
        "activation 'twice' is also in nnplug-b 2.0; write nnplug-a/twice for this one."
    ]
    assert second["problems"] == [
        "activation 'twice' is also in nnplug-a 1.0; write nnplug-b/twice for this one."
    ]


def test_two_entry_points_of_one_module_do_not_clash(site):
    site.part("nnplug-a", "twice", entry_points={"x": "nnplug_a", "y": "nnplug_a"})
    assert [each["problems"] for each in report()["plugins"]] == [[]]


def test_an_entry_point_of_two_packages_is_a_note(site):
    site.part("nnplug-a", "one", entry_points={"parts": "nnplug_a"})
    site.part("nnplug-b", "two", entry_points={"parts": "nnplug_b"})
    first, _ = report()["plugins"]
    assert first["notes"] == [
        "entry point 'parts' is also in nnplug-b 1.0; load or block it as nnplug-a."
    ]


def test_a_heavy_import_is_reported_with_its_line(site):
    (site.folder / "torch.py").write_text("x = 1\n")
    (site.folder / "xgboost.py").write_text("")
    late = PART.format(name="twice", factor=2).replace("return x", "import xgboost\n    return x")
    site.install("nnplug-a", "import json\nimport torch\n" + late)
    (found,) = report(code=1)["plugins"]
    assert found["problems"] == [
        f"{site.folder / 'nnplug_a.py'}:2: it imports torch when it is loaded; import it in "
        "the function that uses it."
    ]


def test_what_is_not_installed_is_not_heavy(site):
    missing = next(name for name in sorted(HEAVY) if importlib.util.find_spec(name) is None)
    code = f"try:\n    import {missing}\nexcept ImportError:\n    pass\n"
    site.install("nnplug-a", code + PART.format(name="twice", factor=2))
    assert report()["plugins"][0]["problems"] == []


def test_a_slow_import_is_reported(site):
    site.install("nnplug-a", "import time\ntime.sleep(0.3)\n" + PART.format(name="a", factor=2))
    (found,) = report("--slow", "0.2", code=1)["plugins"]
    assert found["problems"] == [
        "loading it takes 0.3 s; more than 0.2 s is slow. Import what only a function "
        "needs inside that function."
    ]


def test_a_blocked_plugin_is_not_loaded(site):
    marker = site.folder / "imported"
    site.install("nnplug-a", f"open({str(marker)!r}, 'w')\n")
    (found,) = report("-p", "no:nnplug-a")["plugins"]
    assert (found["state"], found["notes"]) == ("blocked", ["blocked by -p no:nnplug-a"])
    assert not marker.exists()


def test_a_name_that_matches_nothing_is_reported(site):
    site.part("nnplug-good", "twice")
    found = report("-p", "no:nnplug-god", code=1, NNPLUG_PLUGINS="nnplug-good,other")
    assert found["settings"] == [
        "-p no:nnplug-god matches no installed package or entry point. Did you mean "
        "'nnplug-good' or 'nnplug_good'?",
        "NNPLUG_PLUGINS: 'other' matches no installed package or entry point.",
    ]
    lines = run("-p", "no:nope", code=1).splitlines()
    assert lines[0] == "problem  -p no:nope matches no installed package or entry point."
    assert lines[-1] == "1 plugin: no problem; 1 problem in the settings."


def test_a_file_is_examined_too(site):
    good, bad = site.folder / "mine.py", site.folder / "broken.py"
    good.write_text(PART.format(name="mine", factor=2))
    bad.write_text("import torch_of_nobody\n")
    first, second, third = report("-p", good, "-p", bad, "-p", "./gone.py", code=1)["plugins"]
    assert (first["package"], first["state"]) == ("local", "loaded")
    assert second["problems"] == [
        f"{bad}:1: ModuleNotFoundError: No module named 'torch_of_nobody'"
    ]
    assert third["problems"][0].startswith("-p ./gone.py: there is no file ")


def test_asking_for_an_installed_plugin_lets_it_pass_the_allow_list(site):
    site.part("nnplug-a", "one")
    site.part("nnplug-b", "two")
    found = report("-p", "nnplug_a", NNPLUG_PLUGINS="")["plugins"]
    assert [each["state"] for each in found] == ["loaded", "blocked"]


def test_unreadable_metadata_is_reported(site):
    site.metadata("nnplug-bad", "[nnplug]\nno equals sign\n")
    (found,) = report(code=1)["plugins"]
    assert found["problems"][0].startswith("entry point '' (entry_points.txt): ")


def test_a_plugin_that_is_both_asked_for_and_left_out_is_not_loaded(site):
    site.part("nnplug-a", "twice")
    (found,) = report("-p", "nnplug-a", "-p", "no:nnplug-a")["plugins"]
    assert found["state"] == "blocked"
    assert found["notes"] == ["blocked by -p no:nnplug-a"]


def test_entry_points_of_one_module_are_examined_together(site, monkeypatch):
    loaded = site.folder / "loads"
    code = f"open({str(loaded)!r}, 'a').write('x')\n" + PART.format(name="twice", factor=2)
    points = dict.fromkeys(("once", "twice", "thrice"), "nnplug_family")
    site.install("nnplug-family", code, entry_points=points)
    site.install("nnplug-other", PART.format(name="half", factor=0.5),
                 entry_points={"thrice": "nnplug_other"})  # fmt: skip
    first, second = report()["plugins"]
    assert (first["entry_point"], first["also"]) == ("once", ["thrice", "twice"])
    assert (second["entry_point"], second["also"]) == ("thrice", [])
    assert [part["name"] for part in first["parts"]] == ["twice"]
    assert loaded.read_text() == "x"
    # What is said of one of them is said of the module.
    assert first["notes"] == [
        "entry point 'thrice' is also in nnplug-other 1.0; load or block it as nnplug-family."
    ]
    assert run().startswith("nnplug-family 1.0 (nnplug_family): ok")
