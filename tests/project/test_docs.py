"""The documentation is true: its examples run, and its statements hold.

The blocks of the tutorials, the how-to pages, the explanations, the page on
hooks and the front page are run in order, in one folder and one Python
namespace per page:

- a ```python block is executed; a ```text block right after it is its output;
- in a ```console block, `$ nnplug ...`, `$ python -c ...` and `$ python -m
  pytest ... FILE.py` are run, and the lines below are their output, stdout and
  stderr together, as in a terminal. Environment variables may come first.
  `$ python FILE.py`, `$ gcc`, `$ node` and `$ ./PROGRAM` are run where they are installed.
  `$ echo $?` prints the exit code of the previous command. `$ pip install
  ./FOLDER` installs into the page's folder. Other commands are not run;
- a code-block with a caption is a file with that name.

A line `...` in an output means any number of lines. Times (`12 ms`,
`in 0.31s`, the time in the name of a run) are not compared, nor are the line
breaks of `plugins doctor`, which depend on the folder.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("usual_recipe")

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    page.relative_to(DOCS).as_posix()
    for page in (DOCS / "index.md", DOCS / "reference/hooks.md", *DOCS.glob("[tehl]*/*.md"))
    if page.name != "first-plugin.md"  # typed by tests/plugins/test_five_commands.py, without Numba
)  # tutorial, explanation, how-to


# --- the pages' blocks -----------------------------------------------------------


@dataclass
class Block:
    """A fenced block of a page."""

    language: str
    caption: str
    text: str
    line: int
    follows: bool
    """Whether only blank lines separate it from the previous block."""


_RUN = re.compile(r"(?:[A-Z_]+=\S* )*(?:nnplug |python -c |python -m pytest .*\.py$)")

_PROGRAM = re.compile(r"(python [\w-]+\.py|gcc|node|\./\w+)(?: |$)")
"""Programs that run what was exported."""

_WRAPPED = re.compile(r"^nnplug plugins doctor\b")

_OPEN = re.compile(r"^(`{3,})(?:\{code-block\} )?([\w{}-]*)(?: \S+)?\s*$")


def blocks(page: str) -> list[Block]:
    found: list[Block] = []
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    position, blank = 0, False
    while position < len(lines):
        opening = _OPEN.match(lines[position])
        if opening is None:
            blank = blank and not lines[position].strip()
            position += 1
            continue
        fence, language = opening.groups()
        end = lines.index(fence, position + 1)
        body = lines[position + 1 : end]
        caption = ""
        if body and body[0].startswith(":caption: "):
            caption = body.pop(0).removeprefix(":caption: ")
        first = end - len(body)
        found.append(Block(language, caption, "\n".join(body) + "\n", first, blank))
        position, blank = end + 1, True
    return found


def commands(block: Block) -> list[tuple[str, str]]:
    """Split a console block into pairs of a command and the output shown."""
    _, *pieces = re.split(r"^\$ ", block.text, flags=re.MULTILINE)
    return [(command, output) for command, _, output in (piece.partition("\n") for piece in pieces)]


class Page:
    """Runs the blocks of one page in a separate folder."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.site = folder.parent / "site"
        self.namespace: dict[str, object] = {"__name__": "__page__"}
        self.code = 0

    def python(self, block: Block) -> str:
        # Blank lines before the code make a traceback name the line of the page.
        code = compile("\n" * block.line + block.text, str(DOCS / self.name), "exec")
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(code, self.namespace)
        return self.plain(out.getvalue())

    def console(self, command: str) -> str | None:
        """Run a command and return its output, or None for a command that is not run."""
        if command == "echo $?":
            return str(self.code)
        if match := re.fullmatch(r"pip install (\./\S+|\.)", command):
            options = (
                "--quiet --no-deps --no-index --no-build-isolation --disable-pip-version-check"
            )
            line = f"python -m pip install {options} --target {self.site} {match[1]}"
        elif _RUN.match(command) or self.has(command):
            line = command
        else:
            return None
        settings = ("NNPLUG_", "PYTEST_")  # of this run, not of the reader's
        clean = {key: value for key, value in os.environ.items() if not key.startswith(settings)}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        python_path = os.pathsep.join([str(self.site), str(ROOT)])
        clean |= {"PATH": path, "PYTHONPATH": python_path, "COLUMNS": "80", "NO_COLOR": "1"}
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=clean,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        said = re.search(r"^error: |^  FAILED  |^ *problem  ", done.stdout, re.I | re.MULTILINE)
        assert bool(done.returncode) == bool(said), f"{command}: {done.returncode}\n{done.stdout}"
        self.code = done.returncode
        printed = self.plain(done.stdout)
        return " ".join(printed.split()) if _WRAPPED.search(command) else printed

    def has(self, command: str) -> bool:
        """Whether a command runs a program that is here."""
        program = command.partition(" ")[0]
        here = self.folder / program if program.startswith("./") else shutil.which(program)
        return _PROGRAM.match(command) is not None and here is not None and Path(here).exists()

    def plain(self, text: str) -> str:
        """Remove what differs between machines: folders, and blanks at line ends."""
        for folder in (self.folder, self.site, ROOT):
            text = text.replace(f"{folder}{os.sep}", "")
        return re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE).rstrip("\n")


def assert_shown(shown: str, printed: str, *, rounded: bool) -> None:
    """Compare what a page shows with what was printed.

    They must be equal, with one exception: in float32, another processor adds
    up in another order, so the last digits may differ, and with them the end of a bar.
    """
    if rounded:
        shown, printed = (
            re.sub(r"[ │█-▏]*[│█-▏][ │█-▏]*", " bar ", text) for text in (shown, printed)
        )
    shown, printed = (re.sub(r"\b[\d.]+ ?(m?s)\b", r"# \1", text) for text in (shown, printed))
    # The time that begins a run's name, and the number that ends it where two share a second.
    shown, printed = (
        re.sub(r"\b\d{8}-\d{6}-([\w.-]*?)(-\d+)?(?![\w.-])", r"#-\1", text)
        for text in (shown, printed)
    )
    pattern = re.escape(shown.rstrip("\n"))
    pattern = re.sub(r"(^|\n)\\\.\\\.\\\.(?=\\?\n|$)", r"\1(?:.*)", pattern)
    if re.fullmatch(pattern, printed, re.DOTALL):
        return
    number = r"-?\d+\.\d{4,}"
    any_number = re.sub(r"(?:\\-)?\d+\\\.\d{4,}", lambda _: f"({number})", pattern)
    found = re.fullmatch(any_number, printed, re.DOTALL)
    if rounded and found:
        assert [float(digits) for digits in found.groups()] == pytest.approx(
            [float(digits) for digits in re.findall(number, shown)], rel=1e-3, abs=1e-4
        )
        return
    assert printed == shown.rstrip("\n")


@pytest.mark.parametrize("name", PAGES)
def test_the_examples_of_a_page_run_and_print_what_it_shows(name, tmp_path, monkeypatch):
    found = blocks(name)
    if any("import torch" in block.text for block in found):
        pytest.importorskip("torch", reason="PyTorch is large: pip install torch")
    (tmp_path / "page").mkdir()
    page = Page(name, tmp_path / "page")
    monkeypatch.chdir(page.folder)
    monkeypatch.syspath_prepend(page.folder)
    before = set(sys.modules)
    try:
        for number, block in enumerate(found):
            if block.caption:
                path = page.folder / block.caption
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
            elif block.language == "python":
                printed = page.python(block)
                after = found[number + 1 : number + 2]
                if after and after[0].follows and after[0].language == "text":
                    assert_shown(after[0].text, printed, rounded=".csv" in str(page.namespace))
                else:
                    assert printed == "", f"{name}:{block.line}: the page does not show the output"
            elif block.language == "console":
                for command, shown in commands(block):
                    printed = page.console(command)
                    if printed is not None and shown.strip():
                        wrapped = _WRAPPED.search(command)
                        expected = " ".join(shown.split()) if wrapped else shown
                        rounded = ".csv" in command or page.has(command)
                        assert_shown(expected, printed, rounded=rounded)
    finally:
        for module in set(sys.modules) - before:
            if getattr(sys.modules[module], "__file__", None) and str(page.folder) in str(
                sys.modules[module].__file__
            ):
                del sys.modules[module]


def test_pages_mark_the_digits_that_other_processors_do_not_have():
    link = "numerics.md#what-is-the-same-when-you-run-it-again"
    for name in [*PAGES, "tutorial/first-plugin.md"]:
        shown, code = [], ""
        for block in blocks(name):
            code += block.text if block.language == "python" else ""
            if block.language == "console":
                shown += [output for command, output in commands(block) if ".csv" in command]
            elif block.language == "text" and block.follows and ".csv" in code:
                shown.append(block.text)
        trained = re.search(
            r"(Loss|R2|Accuracy): -?\d+\.\d{4,}|^-?\d+\.\d{6,}", "\n".join(shown), re.M
        )
        assert trained is None or link in (DOCS / name).read_text(encoding="utf-8"), name


# --- statements of the pages that no block shows --------------------------------------


def test_the_floors_are_those_that_a_test_holds():
    floors = runpy.run_path(str(ROOT / "tests" / "project" / "test_floors.py"))["FLOORS"]
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    written = re.findall(r"^\| (\d+) \| (`.*?`) \|", table, re.MULTILINE)
    assert [(int(number), set(re.findall(r"`(\w+)`", names))) for number, names in written] == [
        (number, set(names)) for number, names in enumerate(floors)
    ]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["train", "--epochs", "1"], 0),
        (["train", "--epochs", "9", "--learning-rate", "1e308", "--activation", "identity",
          "--output-activation", "identity"], 1),
        (["train", "--activation", "no_such"], 2),
        (["train", "--epochs", "0"], 2),
    ],
)  # fmt: skip
def test_exit_codes_are_those_of_the_reference(arguments, code):
    done = subprocess.run(
        [sys.executable, "-m", "nnplug", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr


def test_a_diverged_run_still_prints_its_json():
    arguments = ["--epochs", "9", "--learning-rate", "1e308", "--output-activation", "identity"]
    done = subprocess.run(
        [sys.executable, "-m", "nnplug", "train", *arguments, "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["diverged"]) == (1, True)


def test_nobody_is_told_to_install_nnplug_from_an_index():
    # It is not published yet: from source it installs as `.`, `".[fast]"` or `./nnplug`.
    pages = [ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("[terhl]*/*.md")]
    pages += [*(ROOT / "nnplug").rglob("*.py"), *(ROOT / "plugins").glob("*/README.md")]
    advice = re.compile(r"pip install [^\n&;]*(?<![./\w-])nnplug(==|\[|[\"'`\s]|$)", re.MULTILINE)
    for text in ('pip install "nnplug[fast]"', "pip install nnplug\n", "pip install -U nnplug"):
        assert advice.search(text)
    for path in pages:
        assert not advice.search(path.read_text(encoding="utf-8")), path


def test_every_core_dependency_has_its_reason():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = (DOCS / "explanation" / "dependencies.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `([\w-]+)` \|", page, re.MULTILINE))
    assert named == {re.split(r"[<>=!]", line)[0] for line in project["dependencies"]}
