"""The built site is complete, and needs no other host."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from nnplug.hookspecs import HOOKS
from nnplug.parts import KINDS
from nnplug.plugins.registry import Registry
from plugins.packages import packages

ROOT = Path(__file__).parents[2]


def text_of(page: Path) -> str:
    """Return a page's text without markup, with white space collapsed."""
    stripped = re.sub(r"<[^>]*>", "", page.read_text(encoding="utf-8"))
    return " ".join(html.unescape(stripped).split())


@pytest.mark.parametrize("kind", HOOKS.values())
def test_every_built_in_part_is_in_the_reference(kind, site):
    page = site / "reference" / "generated" / f"{KINDS[kind].plural}.html"
    markup, text = page.read_text(encoding="utf-8"), text_of(page)
    found = Registry(allowed=()).parts(kind)
    assert found
    for part, provider in found:
        # Sphinx writes an anchor's underscores as dashes.
        assert f'id="{kind}-{part.name}"'.replace("_", "-") in markup.replace("_", "-")
        for expected in (part.name, *part.aliases, *part.defaults, provider.label):
            assert expected in text
        assert part.summary.replace("`", "") in text
    if kind in ("activation", "loss", "optimizer"):
        assert markup.count('<div class="math"><math') == len(found)
    if kind == "activation":
        # Two curves for each, the value and the derivative, and both in the legend.
        assert markup.count('<svg class="chart"') == len(found)
        assert markup.count("<polyline") >= 2 * len(found)
        assert markup.count("</span>dy/<wbr>dx") == len(found)


@pytest.mark.parametrize("package", packages(), ids=lambda package: package.name)
def test_every_part_of_a_package_has_a_page(package, site):
    folder = site / "reference" / "generated" / "packages"
    index = (folder / f"{package.name}.html").read_text(encoding="utf-8")
    for part, provider in package.parts():
        path = f"{package.name}/{part.kind}-{part.name}.html"
        assert f'href="{path}"' in index
        markup, text = (folder / path).read_text(encoding="utf-8"), text_of(folder / path)
        for expected in (part.name, *part.aliases, *part.defaults, provider.label):
            assert expected in text
        assert part.summary.replace("`", "") in text
        if part.kind == "activation":
            assert markup.count('<div class="math"><math') == 1
            assert markup.count("<polyline") >= 2
        # The contents that the pages share: with the right addresses.
        assert 'href="../../../settings.html"' in markup


def test_no_page_asks_another_host_for_anything(site):
    pages = [*site.rglob("*.html")]
    assert len(pages) > 50
    loading = re.compile(
        r"<(?:script|img|iframe|source|embed|object|video|audio|image|use)\b[^>]*?"
        r"\b(?:src|srcset|data|href)\s*=\s*[\"']?([^\"'\s>]+)|"
        r"<link\b(?![^>]*rel=[\"'](?:canonical|author|prev|next|search|index)[\"'])[^>]*?"
        r"\bhref\s*=\s*[\"']?([^\"'\s>]+)"
    )
    for page in pages:
        for found in loading.finditer(page.read_text(encoding="utf-8")):
            address = found[1] or found[2]
            assert not re.match(r"(\w+:)?//|\w+:", address), f"{page.name}: {found[0]}"
            if address.partition("?")[0].partition("#")[0]:
                assert (page.parent / address.partition("?")[0].partition("#")[0]).exists(), found[
                    0
                ]
    for style in [*site.rglob("*.css"), *pages]:
        text = style.read_text(encoding="utf-8")
        for address in re.findall(r"@import\s+[\"'(]*([^\"')]+)|url\(\s*[\"']?([^\"')]+)", text):
            assert not re.match(r"(https?:)?//", "".join(address)), (style.name, address)
    # The browser draws formulas by itself, without a script.
    assert not any("mathjax" in page.read_text(encoding="utf-8").lower() for page in pages)


@pytest.mark.parametrize("kind", HOOKS.values())
def test_no_generated_page_is_missing_from_the_reference(kind, site):
    index = (site / "reference" / "index.html").read_text(encoding="utf-8")
    assert f'href="generated/{KINDS[kind].plural}.html"' in index


def test_every_hook_is_in_the_reference_with_its_exact_signature(site):
    source = (ROOT / "nnplug" / "hookspecs.py").read_text(encoding="utf-8")
    signatures = re.findall(r"^@hookspec\n(def .*):$", source, re.MULTILINE)
    assert len(signatures) == source.count("\n@hookspec\n") > len(HOOKS)
    text = text_of(site / "reference" / "hooks.html")
    for signature in signatures:
        assert signature in text


def test_every_option_of_every_command_is_in_the_reference(site):
    import click

    from nnplug.cli import cli

    def walk(command, context):
        yield command
        if isinstance(command, click.Group):
            for name in command.list_commands(context):
                yield from walk(command.get_command(context, name), context)

    text = text_of(site / "reference" / "command-line.html")
    for command in walk(cli, click.Context(cli)):
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.opts[0] in text
                assert " ".join((parameter.help or "").split()) in text


def test_every_public_name_is_in_the_reference(site):
    import nnplug

    markup = (site / "reference" / "python.html").read_text(encoding="utf-8")
    for name in nnplug.__all__:
        if name not in ("__version__", "special"):
            assert re.search(rf'id="nnplug(\.\w+)*\.{name}"', markup), name
    for name in nnplug.special.__all__:
        assert f'id="nnplug.special.{name}"' in markup


def test_the_defaults_and_errors_are_in_the_reference(site):
    from nnplug import errors
    from nnplug.runs.settings import ROWS

    text = text_of(site / "reference" / "settings.html")
    for name, row in ROWS.items():
        default = "" if row.default is None else f" {row.default}"
        assert f"{name}{default} {row.help}" in text
    text = text_of(site / "reference" / "errors.html")
    for name in errors.__all__:
        if hasattr(getattr(errors, name), "exit_code"):
            assert f"{name} {getattr(errors, name).exit_code}" in text
