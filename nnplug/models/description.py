"""A model's facts in words, for `nnplug info`, summaries and notebooks."""

from __future__ import annotations

from collections.abc import Iterator

from nnplug.models.info import PREDICTING, LayerRecord, ModelInfo, kind_of
from nnplug.models.strict_json import printable

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
    yield "network", f"{info.widths}, {info.parameters:,} parameters, {info.dtype}"
    yield "layers", ", ".join(map(_layer, info.layers))
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
    inner = ", ".join(map(_layer, layer.inner))
    return f"{layer.part.text}[{inner}]" if layer.inner else layer.part.text


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
