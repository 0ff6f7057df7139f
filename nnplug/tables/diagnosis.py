"""Diagnosis: which lines of a delimited file are at fault.

DuckDB parses fast and says little. When it refuses a file, or a few cells of
a column of numbers are not numbers, the file is read again, slowly, to name
the lines. DuckDB's own list of rejected rows (`store_rejects`) is not enough:
it leaves out rows with empty cells too many, and takes text after a closing
quote for an open one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from nnplug.errors import DataError
from nnplug.tables.duck import first_line
from nnplug.tables.missing import is_usual_mark
from nnplug.tables.numerals import reads_as_number
from nnplug.tables.options import ReadOptions
from nnplug.tables.sniffing import Dialect, QuoteError, head_of, records
from nnplug.tables.text_file import TextFile, encoding_error
from nnplug.tables.wording import column_list, listed, quote, shell_word

__all__ = [
    "find_faults",
    "preamble_error",
    "refusal",
    "stray_date_error",
    "stray_error",
    "ways_out",
]

Strays = Mapping[int, frozenset[str]]
"""From a column's position to the cells that are not like its others."""
_LINE_ENDS = {b"\r\n": "CR LF (Windows)", b"\n": "LF (Unix)"}


def refusal(text: TextFile, dialect: Dialect, error: Exception) -> DataError:
    """Find out why DuckDB refused a text file."""
    found = encoding_error(text) or find_faults(text, dialect) or _mixed_line_ends(text)
    if found is not None:
        return found
    return DataError(f"{text.name}: the file cannot be read as a table: {first_line(error)}")


def find_faults(text: TextFile, dialect: Dialect) -> DataError | None:
    """Name the rows that are not as long as the first line, and open quotes."""
    width = len(dialect.names)
    advice = (
        f" The delimiter is {quote(dialect.delimiter)}; a cell that holds one needs quotes around "
        "it."
    )

    comments = True

    def faults() -> Iterator[tuple[int, str]]:
        nonlocal advice, comments
        try:
            for line, record in records(text, dialect):
                if len(record) != width:
                    comments = comments and record[0].startswith("#")
                    cells = "cell" if len(record) == 1 else "cells"
                    yield line, f"the row has {len(record)} {cells}, the first line {width}"
        except QuoteError as wrong:
            comments = False
            if "text follows" in wrong.reason:
                advice = f" A quote inside a quoted cell is written twice ({dialect.quote * 2})."
            yield wrong.line, wrong.reason

    found = text.list_faults(faults())
    if not found:
        return None
    if comments:
        advice = " If the lines that begin with # are comments: --read comment=#"
    elif "the first line" not in found and "written twice" not in advice:
        advice = ""
    return DataError(f"{found}\nCorrect the file.{advice}")


def _mixed_line_ends(text: TextFile) -> DataError | None:
    """Name the first line that does not end as the line before it does."""
    ends: bytes | None = None
    for number, line in text.numbered():
        end = b"\r\n" if line.endswith(b"\r\n") else line[-1:]
        if end not in (b"\r\n", b"\n"):
            continue  # the last line may have none
        if ends is not None and end != ends:
            return DataError(
                f"{text.place(number)}: the line ends in {_LINE_ENDS[end]}, those before in "
                f"{_LINE_ENDS[ends]}.\nSave the file with one kind of line end."
            )
        ends = end
    return None


# --- cells that are not like the others of their column --------------------------------


def stray_error(
    text: TextFile, dialect: Dialect, strays: Strays, ways: Sequence[str] = ()
) -> DataError:
    """Name the lines of cells that are not numbers.

    Parameters
    ----------
    ways : sequence of str
        The options by which the cells are numbers, each a line.
    """
    advice = _ways_out(dialect, strays, "numbers")
    if ways:
        which = "If they are, say how they are written:"
        names = column_list([dialect.names[position] for position in strays])
        advice = "\n".join([
            f"{_others(len(strays))} are numbers. Correct these. {which}",
            *ways,
            f"If {'the column is' if len(strays) == 1 else 'they are'} text: --categorical {names}",
        ])  # fmt: skip
    return DataError(f"{_stray_lines(text, dialect, strays, 'a number')}\n{advice}")


def stray_date_error(
    text: TextFile, dialect: Dialect, strays: Strays, way: str, *, must: bool
) -> DataError:
    """Name the lines of cells that are not dates.

    Parameters
    ----------
    way : str
        How the other cells are written.
    must : bool
        Whether the user or training says that all cells are written so.
    """
    advice = _ways_out(dialect, strays, f"dates written {way}")
    if must:
        (name,) = (dialect.names[position] for position in strays)
        advice = (
            f"The dates of {quote(name)} must be written {way}, as stated, or as in training.\n"
            f"Correct the cells, or say how they are: --read {shell_word(f'dates.{name}=...')}"
        )
    return DataError(f"{_stray_lines(text, dialect, strays, 'a date')}\n{advice}")


def _stray_lines(text: TextFile, dialect: Dialect, strays: Strays, wanted: str) -> str:
    def faults() -> Iterator[tuple[int, str]]:
        try:
            for line, record in records(text, dialect):
                for position, spellings in strays.items():
                    if position < len(record) and record[position] in spellings:
                        name = quote(dialect.names[position])
                        cell = quote(record[position])
                        yield line, f"column {name}: cannot read {cell} as {wanted}"
        except QuoteError:
            pass  # a cell beyond the csv module's limit: the cells before it are named

    # There is no line where DuckDB and the csv module divide a row differently.
    return text.list_faults(faults()) or "\n".join(
        f"{text.name}: column {quote(dialect.names[position])}: cannot read "
        f"{listed(map(quote, sorted(spellings)))} as {wanted}"
        for position, spellings in strays.items()
    )


def _others(columns: int) -> str:
    return "The column's other cells" if columns == 1 else "The other cells of these columns"


def _ways_out(dialect: Dialect, strays: Strays, usual: str) -> str:
    cells = {cell for spellings in strays.values() for cell in spellings}
    return ways_out([dialect.names[position] for position in strays], cells, usual)


def ways_out(columns: Sequence[str], cells: Collection[str], usual: str) -> str:
    """Give the three ways out: correct the cells, call them missing, call the column text.

    Parameters
    ----------
    usual : str
        What the other cells are.
    """
    marks = " ".join(f"--read {shell_word('na=' + cell)}" for cell in sorted(cells))
    names, others = column_list(columns), _others(len(columns))
    text = f"If {'the column is' if len(columns) == 1 else 'they are'} text: --categorical {names}"
    if all(map(is_usual_mark, cells)):
        signs = listed(map(quote, sorted(cells)))
        stands = "stands" if len(cells) == 1 else "stand"
        often = f"{signs} often {stands} for a missing value. If so here: {marks}"
        return f"{others} are {usual}.\n{often}\n{text}\nOtherwise correct the file."
    ways = [f"{others} are {usual}. Correct these."]
    if len(cells) <= 3:
        ways.append(f"If they stand for missing values: {marks}")
    return "\n".join([*ways, text])


# --- lines before the table ------------------------------------------------------------


def preamble_error(text: TextFile, options: ReadOptions) -> DataError | None:
    """Say where the table seems to begin, if lines of another kind come before it.

    Those lines are short, no name of the table is missing, and its rows are
    as long as its names. This is asked after a file was refused.
    """
    if options.header is False:
        return None
    heads = {}
    for delimiter in options.delimiter or text.delimiter or ",;\t|":
        try:
            heads[delimiter] = head_of(text, delimiter, options.quote)
        except (OSError, UnicodeDecodeError, DataError):
            return None
        rows = [record for _, record in heads[delimiter]]
        if rows and _is_table(rows):
            return None  # whatever else is wrong, the table begins on the first line
    for delimiter, head in heads.items():
        rows = [record for _, record in head]
        start = next((k for k in range(len(rows)) if _is_table(rows[k:])), 0)
        if not start or not all(_is_apart(row, len(rows[start])) for row in rows[:start]):
            continue
        end, names = head[start]
        number = text.number(end - sum(name.count("\n") for name in names))
        if all(row[0].startswith("#") for row in rows[:start]):
            option = "comment=#"
        else:
            option = f"skip={number - 1}"
        lines = "the line before is" if start == 1 else f"the {start} lines before are"
        return DataError(
            f"{text.name}: the table seems to begin on line {number}, with the names "
            f"{listed(map(quote, names), 5)};\n{lines} not as long as its rows: "
            f"{quote(delimiter.join(rows[0]))}{' ...' if start > 1 else ''}\n"
            f"If so: --read {option}"
        )
    return None


def _is_table(rows: list[list[str]]) -> bool:
    """Tell whether rows look like a table: names, and rows as long as the names."""
    names = [name.strip() for name in rows[0]]
    alike = all(len(row) == len(names) for row in rows[1:])
    named = all(names) and len(set(names)) == len(names) and not any(map(reads_as_number, names))
    return len(rows) > 1 and len(names) > 1 and alike and named


def _is_apart(row: list[str], width: int) -> bool:
    """Tell whether a row is a comment, or too short for a table of this width."""
    return row[0].startswith("#") or 2 * sum(map(bool, row)) <= width
