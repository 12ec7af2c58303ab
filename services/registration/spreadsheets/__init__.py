"""Spreadsheets: what sites have had until now, read in and written out.

    records, rest = read_records(piece, encoding, delimiter, last=False)     # texts.py: CSV, a piece at a time
    csv = as_csv(content)                                                    # workbooks.py: XLSX, ODS, XLS
    columns = find_columns("people", records)                                # columns.py: which column is what
    row = check_row("people", columns, record, faults)                       # rows.py: normalised, or what is wrong
    for piece in write(XLSX, sheets): ...                                    # writing.py: streamed, formulas escaped

Nothing here knows the database; a piece is what memory is bounded by.
"""
