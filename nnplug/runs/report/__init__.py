"""Reports on a run: an HTML page that needs no other file, and curves in the terminal."""

from nnplug.runs.report.facts import Facts
from nnplug.runs.report.page import write_page

__all__ = ["Facts", "write_page"]
