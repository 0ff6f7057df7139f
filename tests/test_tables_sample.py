"""A large file, read with the types of its sample, is the file read by all of its rows.

Random tables, of which most rows are ordinary and a few are not, are read both
ways. `NNPLUG_SAMPLED` says how many (1,000 for the full figure).
"""

import os

import numpy as np
import pytest

from nnplug.errors import DataError
from nnplug.tables import raw_text as raw_text_module
from nnplug.tables import read_table

TABLES = int(os.environ.get("NNPLUG_SAMPLED", "30"))

NUMBERS = [
    "0", "1", "12", "-3", "7.5", "1e3", "1e400", "-0", "+4", ".5", "5.", "0.5", "00.5", "007",
    "-007", "+07", "00", "0e1", "9223372036854775808", "9007199254740993", "nan", "inf", "1,5",
    "0,07", "1_000", "0x1F", "1.000,5", "n/a", "1E5",
]  # fmt: skip
TEXTS = [
    "a", "Rome", "007", "00", "01x", "0:", "0a", "x,01", "'05", "true", "false", "T", "F", "yes",
    "no", "TRUE", "#c", "é", "x\n02", 'q"03', "  04", "04 ", " ", "\t1",
]  # fmt: skip
DATES = [
    "2024-01-31", "2024-02-01 10:00", "2024-01-31T10:00:00Z", "2024-01-31 10:00:00.5",
    "31/01/2024", "01/31/2024", "05/06/2024", "5/6/2024", "05.06.2024", "01-02-24", "1/2/24",
    "05/06/2024 10:00", "5/6/2024 1:00 PM", "31-Jan-2024", "May 5, 2024", "2024/05/06", "10:30",
    "7:30", "24:00", "10:30:15.5", "epoch", "infinity", "0020-01-01", "20240131", "2024-13-01",
    "2023-02-29", "1.2.10", "2024-05",
]  # fmt: skip
WRITTEN = [
    "1,234", "1.234", "999", "12.750", "1,234,567", "1.234.567", "1,234.50", "1.234,50", "$5",
    "$1,234", "-$5.5", "($5)", "(100)", "5%", "3,5 %", "50,5 \u20ac", "1 234", "1\u00a0234",
    "1'234.5", "\u22125", "\u2212$1,000", "USD 5", "NA", "n/a", "-", "null", "12,34", "9,99",
]  # fmt: skip
USUAL = [
    NUMBERS, TEXTS, DATES, WRITTEN, ["1.234", "999"], ["$1,234", "$999.5", "$5"], ["5%", "3%"],
    ["1.234,50 \u20ac", "3 \u20ac"], ["NA", "5", "7"], ["(5)", "7"],
    ["0", "1"], ["true", "false"], ["2024-01-31", "2024-02-01"],
    ["31/01/2024", "05/06/2024"], ["10:30", "07:30"], ["007", "012"], ["1.5", "2"],
]  # fmt: skip


def random_table(rng):
    """Make the bytes of a file, and how it is to be read."""
    delimiter, quote, end = rng.choice([",", ";", "\t"]), rng.choice(['"', "'"]), "\n"
    options = {"delimiter": str(delimiter), "quote": str(quote)}
    if delimiter != "," and rng.random() < 0.3:
        options["decimal"] = ","
    if rng.random() < 0.3:
        options["unit"] = [str(rng.choice(["$", "%", "\u20ac", "USD"]))]
    if rng.random() < 0.3 and "decimal" not in options:
        options["thousands"] = str(rng.choice([",", ".", " "]))
    if rng.random() < 0.2:
        options["thousands_of"] = {"k0": ",", "column0": ","}
        options["thousands_of"].pop("k0" if rng.random() < 0.5 else "column0")
    if rng.random() < 0.2:
        options["na"] = [str(rng.choice(["n/a", "007", "00", "NA"]))]
    if rng.random() < 0.2:
        options["dates"] = str(rng.choice(["%d/%m/%Y", "%m/%d/%Y", "%Y%m%d"]))
    if rng.random() < 0.3:
        end = "\r\n"
    header = options["header"] = bool(rng.random() < 0.8)
    rows, columns = 3000, []
    for _ in range(rng.integers(1, 4)):
        usual = USUAL[rng.integers(len(USUAL))]
        values = [usual[i] for i in rng.integers(0, len(usual), rng.choice([1, 2, 3]))]
        cells = [values[i] for i in rng.integers(0, len(values), rows)]
        for place in rng.integers(0, rows, rng.choice([0, 0, 1, 2])):
            pool = [NUMBERS, TEXTS, DATES, WRITTEN, usual, [""]][rng.integers(6)]
            cells[place if rng.random() < 0.5 else -1] = pool[rng.integers(len(pool))]
        always = rng.random() < 0.2
        columns.append([
            quote + cell.replace(quote, quote * 2) + quote
            if always or not cell or any(sign in cell for sign in (delimiter, quote, "\n"))
            else cell
            for cell in cells
        ])  # fmt: skip
    lines = [delimiter.join(row) for row in zip(*columns, strict=True)]
    if header:
        lines.insert(0, delimiter.join(f"k{i}" for i in range(len(columns))))
    mark = "\ufeff" if rng.random() < 0.2 else ""
    return (mark + end.join(lines) + end * int(rng.random() < 0.7)).encode(), options


def read(path, options):
    try:
        return read_table(path, **options)
    except DataError as error:
        return str(error)


@pytest.mark.parametrize("seed", range(TABLES))
def test_both_ways_to_read_a_file_agree(seed, tmp_path, monkeypatch):
    content, options = random_table(np.random.default_rng(seed))
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    monkeypatch.setattr(raw_text_module, "_SAMPLE", 2048)
    monkeypatch.setattr(raw_text_module, "_LARGE", 1 << 30)
    slow = read(path, options)
    monkeypatch.setattr(raw_text_module, "_LARGE", 0)
    quick = read(path, options)
    if isinstance(slow, str) or isinstance(quick, str):
        assert slow == quick
        return
    for one, two in zip(slow.columns, quick.columns, strict=True):
        # Whether numbers are whole the sample says: 1e3 among later ones does not.
        assert (one.name, one.kind, one.written) == (two.name, two.kind, two.written)
        np.testing.assert_array_equal(one.present, two.present)
        np.testing.assert_array_equal(one.values[one.present], two.values[two.present])
