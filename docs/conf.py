"""Sphinx's settings. Build with:

sphinx-build -W --keep-going -b html docs docs/_build/html
"""

import sys
from pathlib import Path

import nnplug

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

project = "nnplug"
author = "The nnplug developers"
copyright = "The nnplug developers. MIT licence"
version = release = nnplug.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "generate",  # beside this file: writes the generated pages
]
exclude_patterns = ["_build", "generate.py", "reference/generated/*.inc.md"]
# The page of benchmarks is made by measuring; the docs build without it too.
suppress_warnings = [] if (HERE / "benchmarks.md").exists() else ["toc.not_readable"]
# A docstring writes code in single backticks, as Markdown does.
default_role = "code"
smartquotes = False

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"nnplug {release}"
html_static_path = ["_static"]
html_css_files = ["nnplug.css"]
html_copy_source = False
html_show_sphinx = False
