"""The file that staff fill in: one sheet to fill, with an example; one that explains every column."""

import io

import xlsxwriter

from services.registration.spreadsheets.kinds import COLUMNS, Kind

TO_FILL = "导入 import"
EXPLAINED = "说明 explanation"


def template(kind: Kind) -> bytes:
    """An XLSX for one kind of import. Its cells are text, so that Excel cuts no phone number."""
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as book:
        text, bold = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "num_format": "@"})
        wrapped = book.add_format({"text_wrap": True, "valign": "top"})
        fill, explain = book.add_worksheet(TO_FILL), book.add_worksheet(EXPLAINED)
        fill.set_column(0, len(COLUMNS[kind]) - 1, 20, text)
        fill.freeze_panes(1, 0)
        explain.set_column(0, 2, 18, wrapped)
        explain.set_column(3, 4, 50, wrapped)
        heads = ("标题", "Heading", "例 Example", "填写说明", "What to fill in")
        for place, head in enumerate(heads):
            explain.write_string(0, place, head, bold)
        for place, column in enumerate(COLUMNS[kind]):
            title = column.title.zh + ("*" if column.required else "")
            fill.write_string(0, place, title, bold)
            told = (column.title.zh, column.title.en, column.example, column.meaning.zh, column.meaning.en)
            for across, cell in enumerate(told):
                explain.write_string(place + 1, across, cell, wrapped)
        last = len(COLUMNS[kind]) + 2
        explain.merge_range(
            last,
            0,
            last,
            4,
            "请在第一张表中从第 2 行起填写，标题行保留。Fill in the first sheet from row 2 on and keep its headings.",
            wrapped,
        )
    return content.getvalue()
