"""`python -m nnplug`."""

from nnplug.cli import main

main()
