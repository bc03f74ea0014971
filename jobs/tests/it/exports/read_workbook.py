"""Reads a workbook with openpyxl and writes what a CSV export of the same rows would hold, as JSON."""

import json
import re
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from openpyxl import load_workbook

PARIS = ZoneInfo("Europe/Paris")


def text(value):
    value = re.sub(r"_x([0-9A-Fa-f]{4})_", lambda code: chr(int(code.group(1), 16)), value)
    return "'" + value if value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def cell(cell):
    value = cell.value
    if value is None:
        return ""
    if cell.data_type == "f":
        raise SystemExit(f"{cell.coordinate} is a formula")
    if isinstance(value, datetime):
        return value.replace(tzinfo=PARIS).astimezone(timezone.utc).isoformat()
    if isinstance(value, str):
        return {"Oui": "True", "Non": "False"}.get(value) or text(value)
    return f"{value:.2f}" if "€" in cell.number_format else str(value)


book = load_workbook(sys.argv[1])
sheet = book.worksheets[0]
header = sheet["A1"]
json.dump(
    {
        "sheets": book.sheetnames,
        "titles": [cell.value for cell in sheet[1]],
        "rows": [[cell(value) for value in row] for row in sheet.iter_rows(min_row=2)],
        "formats": sorted({value.number_format for row in sheet.iter_rows(min_row=2) for value in row}),
        "marked": sum(value.quotePrefix or False for row in sheet.iter_rows(min_row=2) for value in row),
        "filter": sheet.auto_filter.ref,
        "frozen": sheet.freeze_panes,
        "header": [header.font.b, header.font.color.rgb, header.fill.start_color.rgb, header.font.sz],
        "charts": [len(other._charts) for other in book.worksheets],
        "statistics": [[value.value for value in row] for other in book.worksheets[1:] for row in other.iter_rows(max_col=2)],
    },
    sys.stdout,
)
