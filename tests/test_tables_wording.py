"""Text from a table in a message: one line, whatever stands in the cell."""

import pytest

from nnplug.tables.wording import quote


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("age", '"age"'),
        ('say "x"', r'"say \"x\""'),
        ("größe ≤ 3 · 年", '"größe ≤ 3 · 年"'),
        ("a\nb\tc", r'"a\nb\tc"'),
        ("\x1b[2J", r'"\u001b[2J"'),
        ("\x9b2J\x7f", r'"\x9b2J\x7f"'),
        ("\u202eevil\u2066", r'"\u202eevil\u2066"'),
        ("x" * 61, '"' + "x" * 57 + '..."'),
    ],
)
def test_no_terminal_takes_it_for_a_command(text, quoted):
    assert quote(text) == quoted
    assert quote(text).isprintable()
