from __future__ import annotations

import pytest

from nnplug.plugins.plugin import builtin_plugins, find_installed, normalise_package
from tests.plugins.packages import isolated_site  # noqa: F401  # the fixture `site`


def test_finding_imports_nothing_and_sorts(site):
    site.part("nnplug-b", "two", version="0.2")
    site.part("Nnplug_A", "one", entry_points={"z": "nnplug_a", "y": "nnplug_a"})
    site.metadata("unrelated", "[console_scripts]\nx = y:z\n")
    found = [
        (each.package, each.version, each.entry_point, each.state) for each in find_installed()
    ]
    assert found == [
        ("Nnplug_A", "1.0", "y", "available"),
        ("Nnplug_A", "1.0", "z", "available"),
        ("nnplug-b", "0.2", "nnplug_b", "available"),
    ]
    assert site.imported() == []


def test_malformed_metadata_of_one_package_hides_no_other(site):
    site.part("nnplug-good", "twice")
    site.metadata("nnplug-bad", "[nnplug]\nno equals sign\n")
    site.metadata("other", "no section\nat all\n")
    bad, good = find_installed()
    assert (bad.package, bad.state) == ("nnplug-bad", "failed")
    assert bad.cause.startswith("entry point '' (entry_points.txt): ")
    assert (good.package, good.state) == ("nnplug-good", "available")


def test_the_first_folder_of_the_path_wins_as_it_does_for_an_import(site):
    site.metadata("nnplug-a", "[nnplug]\nnew = nnplug_a\n", version="2.0")
    site.metadata("Nnplug.A", "[nnplug]\nold = nnplug_a\n", version="1.0")
    assert len(find_installed()) == 1


@pytest.mark.parametrize(
    ("lines", "page"),
    [
        ("", ""),
        ("Home-page: https://a.example\n", "https://a.example"),
        ("Project-URL: Issues, https://i.example\n", "https://i.example"),
        (
            "Project-URL: Issues, https://i.example\nProject-URL: Homepage, https://h.example\n",
            "https://h.example",
        ),
        (
            "Home-page: https://a.example\nProject-URL: Documentation, https://d.example\n",
            "https://a.example",
        ),
    ],
)
def test_the_page_of_a_package_is_what_its_metadata_says(site, lines, page):
    site.part("nnplug-paged", "twice")
    metadata = site.folder / "nnplug_paged-1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + lines)
    (provider,) = find_installed()
    assert provider.page == page


def test_what_no_package_provides_has_no_page():
    (provider,) = builtin_plugins()["loss"]
    provider.package = "no-such-package-of-nnplug"
    assert provider.page == ""


def test_package_names_compare_by_pep_503():
    assert normalise_package(" NNplug__Mish.x ") == "nnplug-mish-x"
