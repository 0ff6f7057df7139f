"""Workbooks written by hand, part by part, for what no program writes."""

import zipfile

SPREADSHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"

PARTS = {
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    f'relationships"><Relationship Id="r1" Type="{RELATIONS}/officeDocument" '
    'Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{SPREADSHEET}" xmlns:r="{RELATIONS}"><sheets>'
    '<sheet name="One" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/'
    f'package/2006/relationships"><Relationship Id="r1" Type="{RELATIONS}/worksheet" '
    'Target="worksheets/sheet1.xml"/></Relationships>',
}


def sheet(rows, before=""):
    """A sheet's document around its rows."""
    return (
        f'<?xml version="1.0"?>{before}<worksheet xmlns="{SPREADSHEET}"><sheetData>{rows}'
        "</sheetData></worksheet>"
    )


NAMES = '<row r="1"><c r="A1" t="str"><v>x</v></c><c r="B1" t="str"><v>y</v></c></row>'


def numbers(start=2, stop=12):
    """Rows of two numbers."""
    return "".join(
        f'<row r="{r}"><c r="A{r}"><v>{r % 5}</v></c><c r="B{r}"><v>{r / 2}</v></c></row>'
        for r in range(start, stop)
    )


def write(path, parts=None, compression=zipfile.ZIP_DEFLATED):
    """Write a workbook; parts that are None are left out."""
    every = {**PARTS, "xl/worksheets/sheet1.xml": sheet(NAMES + numbers()), **(parts or {})}
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, text in every.items():
            if text is not None:
                archive.writestr(name, text)
    return path
