"""A model card: what is known of a model and what is not, in Markdown.

After Mitchell et al., "Model Cards for Model Reporting" (2019, arXiv:1810.03993).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from nnplug.models.calibration import USUAL_LEVEL
from nnplug.models.info import ModelInfo
from nnplug.models.records import PREDICTING, PartRecord, kind_of
from nnplug.plugins.registry import Registry
from nnplug.tables import Encoder
from nnplug.tables.dates import Dates
from nnplug.tables.encoded import plain_of
from nnplug.tables.encodings import FAR, Categories
from nnplug.untrusted import escaped, printable

__all__ = ["model_card"]

_LISTED = 30
"""So many columns, classes or categories are listed; the rest are counted."""


def model_card(
    info: ModelInfo, registry: Registry, file: str, record: Mapping[str, Any] | None = None
) -> str:
    """Write a model card.

    Parameters
    ----------
    info : ModelInfo
    registry : Registry
        Where descriptions of parts and the exporters are looked up. A part
        need not be installed.
    file : str
        The model file's name, for the commands.
    record : mapping, optional
        The record of the run, which has the rows and the scores.

    Raises
    ------
    ModelFileError
        If the file's encoder is not what nnplug writes.
    """
    encoder = None if info.encoder is None else Encoder.from_dict(_plain(info.encoder))
    record = record or {}
    about = ", ".join(_words(name) for name in info.target)
    sections = {
        "Data": _data(info, encoder, record),
        "Training": _training(info, record),
        "Scores": _scores(record, file),
        "Uncertainty": _uncertainty(info, file),
        "Parts": _parts(info, registry),
        "Predict": _predict(info, encoder, file),
        "Export": _export(registry, file),
        "Limits": _limits(info, encoder, record),
    }
    lines = [f"# {info.task.capitalize()} of {about}" if about else f"# {info.task.capitalize()}"]
    what, each = "A neural network", ""
    if info.members > 1:
        what, each = f"The mean of {info.members} neural networks", " each"
    lines += ["", f"{what}, {info.form}, {info.parameters:,} parameters{each}, {info.dtype}; "
              f"made with nnplug {info.nnplug}."]  # fmt: skip
    for title, content in sections.items():
        lines += ["", f"## {title}", "", *content]
    return "\n".join(lines) + "\n"


# --- text from files -----------------------------------------------------------------


def _words(text: str) -> str:
    """Write text within a line, so that nothing in it is Markdown or HTML."""
    marked = re.sub(r"([\\`*_\[\]~$])", r"\\\1", printable(text, 200))
    return re.sub(r"&(?=#|\w+;)", "&amp;", marked).replace("<", "&lt;")


def _code(text: object, most: int = 80) -> str:
    """Write a name or a value from a file as code, in which nothing has a meaning."""
    shown = printable(str(text), most) or " "
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    room = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{fence}{room}{shown}{room}{fence}"


def _listed(names: tuple[Any, ...]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(map(_code, names[:_LISTED])) + more


def _block(language: str, *lines: str) -> list[str]:
    return [f"```{language}", *lines, "```"]


# --- sections --------------------------------------------------------------------------


def _data(info: ModelInfo, encoder: Encoder | None, record: Mapping[str, Any]) -> Iterator[str]:
    source = info.settings.get("data")
    yield f"- source: {_code(source)}" if isinstance(source, str) else "- source: not recorded"
    rows = record.get("data")
    counts = rows if isinstance(rows, dict) else {}
    if isinstance(counts.get("training"), int):
        yield f"- rows for training: {counts['training']:,}"
        if isinstance(counts.get("folds"), int):
            yield f"- each row was held out by one of {counts['folds']} members"
        elif isinstance(counts.get("validation"), int):
            yield f"- rows for validation: {counts['validation']:,}"
    else:
        yield "- rows: not recorded in the model file"
    if info.target:
        yield f"- predicts: {_listed(info.target)}"
    if info.classes:
        yield f"- classes: {_listed(info.classes)}"
    if encoder is None:
        yield f"- inputs, an array of numbers: {_listed(info.features)}"
        return
    yield from ("", "Columns:", "", *_columns(encoder))
    if encodings := info.parts.get("encodings"):
        yield ""
        yield f"Encoded by {', '.join(_code(part.text) for part in encodings)}."
    if encoder.left_out:
        yield ""
        yield f"Columns that it does not use: {_listed(tuple(encoder.left_out))}."


def _plain(encoder: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the formulas that encode columns, which only a prediction needs."""
    columns = encoder.get("columns")
    listed = columns if isinstance(columns, list) else []
    plain = [column.get("plain", column) if isinstance(column, dict) else column
             for column in listed]  # fmt: skip
    return {**encoder, "columns": plain}


def _columns(encoder: Encoder) -> Iterator[str]:
    for column in map(plain_of, encoder.columns[:_LISTED]):
        name = _code(column.name)
        if isinstance(column, Categories):
            yield f"- {name}: text, one of {_listed(column.categories)}"
            if column.rare:
                yield f"    - rare, with one input for all of them: {_listed(column.rare)}"
        elif isinstance(column, Dates):
            cycles = f", with its place in the {', '.join(column.cycles)}" if column.cycles else ""
            yield f"- {name}: date{cycles}"
        elif column.kind == "boolean":
            yield f"- {name}: truth value; true in {column.mean:.3g} of the rows"
        else:
            yield f"- {name}: number; mean {column.mean:.4g}, standard deviation {column.scale:.4g}"
    if len(encoder.columns) > _LISTED:
        yield f"- and {len(encoder.columns) - _LISTED:,} more"


def _training(info: ModelInfo, record: Mapping[str, Any]) -> Iterator[str]:
    keys = {
        "validation": "share of rows held out, or how", "split": "how they were chosen",
        "epochs": "epochs at most", "batch_size": "rows in a batch", "patience": "patience",
        "seed": "seed",
    }  # fmt: skip
    for key, what in keys.items():
        value = info.settings.get(key)
        if isinstance(value, str | int | float):
            yield f"- {what}: {_code(value)}"
    for key, what in (("epochs", "epochs run"), ("started", "started"), ("ended", "ended by")):
        if isinstance(record.get(key), str | int):
            yield f"- {what}: {_code(record[key])}"
    if isinstance(record.get("seconds"), int | float):
        yield f"- seconds: {_code(format(record['seconds'], '.3g'))}"
    versions = record.get("versions")
    for package, version in versions.items() if isinstance(versions, dict) else ():
        yield f"- {_code(package)} {_code(version)}"
    if isinstance(record.get("command"), str):
        yield f"- command: {_code(record['command'], 1_000)}"


def _scores(record: Mapping[str, Any], file: str) -> Iterator[str]:
    final = record.get("final")
    scores = {
        name: value
        for name, value in (final.items() if isinstance(final, dict) else ())
        if name != "learning_rate" and isinstance(value, int | float)
    }
    if not scores:
        yield "The model file has no scores. To compute them on rows of your choice:"
        yield ""
        yield from _block("console", f"$ nnplug evaluate {_argument(file)} new.csv")
        return
    best = record.get("best_epoch")
    if isinstance(best, int):
        yield f"At epoch {best}, whose weights were kept:"
        yield ""
    yield from (f"- {_code(name)}: {value:.6g}" for name, value in scores.items())
    yield ""
    rows = record.get("data")
    held_out = rows.get("validation") if isinstance(rows, dict) else None
    if isinstance(rows, dict) and "folds" in rows:
        yield (
            "`loss` is the mean of the members' losses on their rows for training. The others are "
            "of all rows, each predicted by the one member that was not trained on it. Those rows "
            "helped to choose its epoch; new rows are predicted by the mean of all members."
        )
    elif not held_out:
        yield "No rows were held out: these are scores on the rows for training."
    elif record.get("ended") == "patience" or isinstance(best, int):
        yield (
            "`loss` is of the rows for training, the others are of the rows for validation. Those "
            "helped to choose the epoch, so expect a little less on new rows."
        )


def _uncertainty(info: ModelInfo, file: str) -> Iterator[str]:
    known = info.calibration
    if known is None or not known.rows:
        yield "No rows were held out in training, so the model does not know how sure it is."
        return
    targets = [_words(name) for name in info.target]
    yield from (f"- {name} {text}" for name, text in known.described(targets))
    yield ""
    level = known.level or USUAL_LEVEL
    if known.tables and not known.tables[0].reaches(level):
        level = 0.5
    option = f"--interval {level:g}" if known.tables else "--probabilities --calibrated"
    yield from _block("console", f"$ nnplug predict {_argument(file)} new.csv {option}")
    yield ""
    yield (
        "An interval or a set holds the truth of new rows as often as its level says, on average "
        "over rows like those that were held out. It says nothing of a group of them, or of rows "
        "of another time or place."
    )


def _parts(info: ModelInfo, registry: Registry) -> Iterator[str]:
    seen = set()
    for role, records in info.parts.items():
        for part in records:
            if (role, part.text) in seen:
                continue
            seen.add((role, part.text))
            kind = kind_of(role, part)
            use = "" if role in PREDICTING else ", not needed to predict"
            yield f"- {kind} {_code(part.text)} from {_code(part.label)}{use}"
            yield f"    - {_about(kind, part, registry)}"


def _about(kind: str, part: PartRecord, registry: Registry) -> str:
    """Give what the part's author says of it, if it is here."""
    name = part.name if part.package == "local" else f"{part.package}/{part.name}"
    found = registry.find(name, kind, load=part.package not in ("nnplug", "local"))
    if not found:
        return "not installed where this card was written, so there is no description"
    (its, plugin), *_ = found
    text = _words(its.summary) or "without a description"
    other = plugin.version != part.version and part.package not in ("nnplug", "local")
    return f"{text} (as of {_code(plugin.version)})" if other else text


def _argument(file: str) -> str:
    """Write a file's name for a shell, on one line of a block of code."""
    return shlex.quote(escaped(file).replace("`", "?"))


def _predict(info: ModelInfo, encoder: Encoder | None, file: str) -> Iterator[str]:
    named = encoder is not None
    if packages := info.packages:
        listed = " ".join(f"{name}=={version}" for name, version in packages.items())
        yield from _block("console", f"$ pip install {listed}")
        yield ""
    yield from _block("console", f"$ nnplug predict {_argument(file)} new.csv -o answers.csv")
    yield ""
    yield from _block(
        "python", "import nnplug", "", f"model = nnplug.load({escaped(file).replace('`', '?')!r})",
        'model.predict("new.csv")' if named else f"model.predict(X)  # (N, {info.inputs})",
    )  # fmt: skip
    if named:
        yield ""
        yield "New rows need the columns above, in any order."


def _export(registry: Registry, file: str) -> Iterator[str]:
    yield "To use it without nnplug:"
    yield ""
    stem = file.removesuffix(".safetensors")
    for tool, _ in registry.tools("exporter"):
        target = _argument(f"{stem}{getattr(tool, 'suffix', '')}")
        command = f"nnplug export {_argument(file)} --to {tool.name} -o {target}"
        # Not shortened, since it is to be copied.
        yield f"- `{command}`"
        yield from (f"    - {_words(text)}" for text in (tool.about, getattr(tool, "use", ""))
                    if text)  # fmt: skip


def _limits(info: ModelInfo, encoder: Encoder | None, record: Mapping[str, Any]) -> Iterator[str]:
    if encoder is not None:
        rule = {"mean": "replaced by the mean of the rows for training"}
        missing = rule.get(encoder.missing)
        if missing:
            yield f"- A missing number is {missing}."
        texts = [column for column in encoder.columns if isinstance(column, Categories)]
        if texts:
            yield (
                "- A category that training did not see counts as a rare one; in a column without "
                "rare ones, as none of the known."
            )
        yield (
            f"- Beyond {FAR:g} standard deviations from the mean, a number's effect grows as a "
            "logarithm. Answers outside of the range of the training data are extrapolations."
        )
    if info.task != "regression" and info.calibration is None:
        yield "- Whether the probabilities are calibrated is not recorded."
    if not record.get("final"):
        yield "- Scores, rows and the time of training are in the run's folder, not in the file."
    yield (
        "- Nothing is recorded about where the data comes from, whom it describes, what the model "
        "is meant for and what it must not be used for. Add that by hand."
    )
