"""Hypothesis writes its files outside the working tree; examples are derived, not stored."""

import tempfile

from hypothesis.configuration import set_hypothesis_home_dir

set_hypothesis_home_dir(tempfile.mkdtemp(prefix="nnplug-hypothesis-"))
