"""An answer of reporting as a file: pure functions, which know neither the database nor who asks.

    cells.py        what a cell says, in one language, and nothing that a program would run
    csv_table.py    one answer as CSV, streamed
    workbook.py     one answer or several as XLSX, a sheet each, with charts
    paper.py        what the PDFs have in common
    annual.py       the annual report on service records and certificates
    monthly.py      the monthly brief

A file is in one language. The same answer gives the same bytes.
"""
