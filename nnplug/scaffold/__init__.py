"""The scaffold: a whole plugin package from a name and the kinds of its parts."""

from nnplug.scaffold.names import Names, choose_names
from nnplug.scaffold.package import HOW_TO_USE, package_files, write_files

__all__ = ["HOW_TO_USE", "Names", "choose_names", "package_files", "write_files"]
