"""What is on the screen as code: the command, the Python and the TOML that give it."""

from __future__ import annotations

import shlex
from typing import Any

from nnplug.play.learner import Edit, Learner
from nnplug.plugins.plugin import LOCAL
from nnplug.runs.settings import ROWS
from nnplug.runs.toml_text import toml_line

__all__ = ["code", "python_script"]

_ALWAYS = ("loss", "optimizer", "seed", "epochs", "batch_size", "engine", "patience")
"""Settings that are written even at their default, since they tell what is seen."""

_WRITTEN = (
    "task", "validation", "hidden", "activation", "layers", "output_activation", "initializer",
    "dropout", "dtype", "loss", "optimizer", "schedule", "epochs", "batch_size", "l2", "l1",
    "clip_global_norm", "metrics", "seed", "engine",
)  # fmt: skip


def code(learner: Learner) -> dict[str, Any]:
    """Write what is on the screen as code.

    Returns
    -------
    dict
        `command`, `python`, `toml`, and `notes`: what the command and the TOML
        cannot say.
    """
    return {
        "command": _command(learner),
        "python": python_script(learner),
        "toml": _toml(learner),
        "notes": _notes(learner),
    }


def settings_of(learner: Learner) -> dict[str, Any]:
    """Return the settings that differ from nnplug's defaults, and those that a reader expects."""
    run = learner.run
    chosen = run.settings.to_dict()
    recipe = run.source.recipe
    found: dict[str, Any] = {}
    if learner.content.table is not None:
        target = run.rows.encoder.target if run.rows.encoder else ()
        found |= {"target": list(target), "recipe": "none"}  # all that it gives is written
        if "recipe" in learner.given:  # which is not written, but what it chose for the columns
            table = chosen["table"]
            columns = {
                "encoding": table["encoding"].get("*"),
                "target_transform": table["target_transform"],
            }
            found |= {name: value for name, value in columns.items() if value is not None}
    for name in _WRITTEN:
        value = chosen[name]
        if name == "task" and "task" not in learner.given:
            continue
        if name == "output_activation" and name not in learner.given:
            continue  # it follows from the loss
        if value is None or (name in ("hidden", "activation", "dropout") and chosen["layers"]):
            continue
        if name == "dropout" and not any(value):
            continue
        value = list(value) if isinstance(value, tuple) else value
        row = ROWS[name]
        if name in _ALWAYS or name in recipe or name in learner.given or value != row.default:
            found[name] = value
    if isinstance(found.get("activation"), list) and len(set(found["activation"])) == 1:
        found["activation"] = found["activation"][0]
    if not learner.planned:
        found["epochs"] = max(1, learner.epoch + (learner.step > 0))
    return found | {"patience": "none"}


# --- the command and the TOML -------------------------------------------------------------


def _command(learner: Learner) -> str:
    words = ["nnplug", "train", learner.content.name]
    for name, value in settings_of(learner).items():
        option = ROWS[name].option or ""
        values = value if isinstance(value, list) and name != "hidden" else [value]
        if name in ("hidden", "dropout"):
            plain = value if isinstance(value, list) else [value]
            values = [",".join(map(str, plain)) or "none"]
        for one in values:
            words += [option, str(one)]
    lines, line = list[str](), ""
    for word, after in zip(words, [*words[1:], ""], strict=True):
        piece = shlex.quote(word)
        begins = word.startswith("--") and word != after
        if begins and len(line) + len(piece) + len(after) > 72:
            lines.append(line.rstrip() + " \\")
            line = "  "
        line += piece + " "
    return "\n".join([*lines, line.rstrip()])


def _toml(learner: Learner) -> str:
    lines = [toml_line("data", learner.content.name)]
    lines += [toml_line(name, value) for name, value in settings_of(learner).items()]
    return "\n".join(lines) + "\n"


def _notes(learner: Learner) -> list[str]:
    notes, registry = [], learner.run.model.registry
    if any(registry.provider(part).package == LOCAL for part in learner.run.parts):
        notes.append("Add -p FILE for the parts of your own file; in Python, registry=.")
    if learner.content.points:
        notes.append("The points that were set by click are in the Python only.")
    if learner.edits:
        notes.append("The weights that were set by hand are in the Python only.")
    if learner.step:
        notes.append("The command ends with the whole epoch; the Python stops at this batch.")
    if learner.planned and learner.epoch < learner.trainer.epochs:
        notes.append("The schedule is planned over all epochs; the Python stops at this one.")
    if len(learner.run.validation_rows):
        notes.append("The command's model has the weights of its best epoch; see its last line.")
    return notes


# --- Python ---------------------------------------------------------------------------------


def python_script(learner: Learner) -> str:
    """Write a script that gives the losses of the screen, digit for digit on this machine."""
    position = (learner.epoch, learner.step)
    watches = bool(
        learner.edits or learner.step or learner.planned or not learner.epoch
        or len(learner.run.validation_rows)
    )  # fmt: skip
    lines = ["import nnplug"]
    if learner.content.points:
        lines.append("import numpy as np")
    lines += ["", *_data_lines(learner)]
    if watches:
        lines += [*_screen_class(learner, position), ""]
    lines.append("run = nnplug.train(")
    lines.append(f"    {'data' if learner.content.points else _literal(learner.content.name)},")
    lines += [f"    {name}={_literal(value)}," for name, value in settings_of(learner).items()]
    if watches:
        lines.append("    callbacks=[screen := Screen()],")
    lines.append(")")
    if watches:
        lines.append("run.network.parameters[...] = screen.weights")
    lines += [
        "",
        "for name, rows in ((\"training\", run.train_rows), (\"test\", run.validation_rows)):",
        "    if len(rows):",
        "        part = run.rows.inputs[rows], run.rows.targets[rows]",
        "        print(name, run.model.evaluate_parts([part], metrics=run.metrics))",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _literal(value: Any) -> str:
    text = repr(value)
    return text.replace("'", '"') if '"' not in text else text


def _data_lines(learner: Learner) -> list[str]:
    if not learner.content.points:
        return []
    rows = learner.run.rows
    recipe = dict(learner.run.source.recipe)
    return [
        "data = nnplug.Data(",
        "    inputs=np.array([",
        *(f"        {row}," for row in rows.inputs.tolist()),
        "    ]),",
        f"    targets=np.array({rows.targets.tolist()}),",
        f"    task={_literal(rows.task)},",
        f"    classes={tuple(rows.classes)!r},",
        f"    features={tuple(rows.features)!r},",
        f"    recipe={recipe!r},",
        ")",
        "",
    ]


def _screen_class(learner: Learner, position: tuple[int, int]) -> list[str]:
    """Write the callback that sets what was set by hand, and keeps the weights of the screen."""
    per_epoch, planned = learner.trainer.per_epoch, learner.planned
    lines = [
        "",
        "class Screen:",
        '    """Keeps the weights that the playground showed."""',
        "",
    ]
    edits: dict[tuple[int, int], list[Edit]] = {}
    for edit in learner.edits:
        edits.setdefault((edit.epoch, edit.step), []).append(edit)
    first = [*_edit_lines(edits.pop((0, 0), []))]
    if position == (0, 0):
        first.append("        self.weights = run.network.parameters.copy()")
    if first:
        lines += ["    def on_train_start(self, run):", *first, ""]
    batch: list[str] = []
    for at, made in edits.items():
        batch.append(f"        if (record.epoch, record.batch) == {_before(at, per_epoch)}:")
        batch += [f"    {line}" for line in _edit_lines(made)]
    if position[1] or (position != (0, 0) and any(at == position for at in edits)):
        batch += _keep(f"(record.epoch, record.batch) == {_before(position, per_epoch)}", planned)
    elif position != (0, 0):
        after = _keep(f"record.epoch == {position[0] - 1}", planned)
        lines += ["    def on_epoch_end(self, run, record):", *after, ""]
    if batch:
        lines += ["    def on_batch_end(self, run, record):", *batch, ""]
    return lines


def _before(position: tuple[int, int], per_epoch: int) -> tuple[int, int]:
    """Name the batch after which a run is at a position."""
    epoch, step = position
    return (epoch, step - 1) if step else (epoch - 1, per_epoch - 1)


def _edit_lines(edits: list[Edit]) -> list[str]:
    return [
        f'        run.network["{edit.array}"][{", ".join(map(str, edit.place))}] = {edit.value!r}'
        for edit in edits
    ]


def _keep(condition: str, planned: bool) -> list[str]:
    lines = [
        f"        if {condition}:",
        "            self.weights = run.network.parameters.copy()",
    ]
    return [*lines, "            return True"] if planned else lines
