"""A model's facts in words, for `nnplug info`, summaries and notebooks."""

from __future__ import annotations

from collections.abc import Iterator

from nnplug.models.info import ModelInfo
from nnplug.models.records import PREDICTING, LayerRecord, kind_of
from nnplug.untrusted import printable

__all__ = ["describe"]

_LISTED = 20


def describe(info: ModelInfo) -> Iterator[tuple[str, str]]:
    """Give each line's name and text; a text may be empty."""
    classes = [printable(str(each)) for each in info.classes]
    yield "task", f"{info.task}: {_listed(classes)}" if classes else info.task
    table = info.settings.get("table")
    transform = table.get("target_transform") if isinstance(table, dict) else None
    learned = f" (learned as {printable(transform)})" if isinstance(transform, str) else ""
    yield "predicts", _listed([printable(name) for name in info.target]) + learned
    yield "from", _listed([printable(name) for name in info.features])
    states = f" and {info.states:,} numbers of state" if info.states else ""
    yield "network", f"{info.form}, {info.parameters:,} parameters{states}, {info.dtype}"
    if info.hidden is None:
        yield "layers", " ".join(map(_layer, info.layers))
    else:
        records = info.parts["layers"]
        texts = dict.fromkeys(each.text for each in records if each.kind == "activation")
        yield "activation", ", ".join(texts)
        shares = dict.fromkeys(each.options.get("rate") for each in records)
        yield "dropout", ", ".join(printable(str(share)) for share in shares if share is not None)
    yield "output", info.parts["output_activation"][0].text
    for role in ("loss", "metrics", "optimizer", "schedule", "initializer", "dataset"):
        yield role, ", ".join(each.text for each in info.parts[role])
    keys = ("data", "epochs", "batch_size", "validation", "seed")
    said = [
        f"{key.replace('_', ' ')} {printable(str(info.settings[key]))}"
        for key in keys
        if isinstance(info.settings.get(key), str | int | float)
    ]
    yield "trained", ", ".join(said)
    yield "made with", f"nnplug {info.nnplug}"
    for package, version in info.packages.items():
        yield (
            "needs" if _is_needed(info, package) else "used",
            (f"{package} {version}: " + ", ".join(_provided(info, package))),
        )


def _layer(layer: LayerRecord) -> str:
    """Write a layer as `--layers` takes it."""
    part = layer.part
    options = ",".join(f"{key}={printable(str(value), 40)}" for key, value in part.options.items())
    text = f"{part.name}:{options}" if options else part.name
    return f"{text}[{' '.join(map(_layer, layer.inner))}]" if layer.inner else text


def _provided(info: ModelInfo, package: str) -> list[str]:
    named = [
        f"{kind_of(role, each)} {each.name}"
        for role, records in info.parts.items()
        for each in records
        if each.package == package
    ]
    return list(dict.fromkeys(named))


def _is_needed(info: ModelInfo, package: str) -> bool:
    """Whether a prediction needs the package, and not only training did."""
    return any(each.package == package for role in PREDICTING for each in info.parts[role])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED:,} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
