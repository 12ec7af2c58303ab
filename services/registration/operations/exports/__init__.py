"""Exports: everything a site owns, as a ZIP of CSV files or one workbook.

    requests.py    asked for, shown, fetched in ranges by who asked, forgotten after a week
    content.py     which tables and columns, and their rows as text
    steps.py       the worker's share: one snapshot, streamed into encrypted parts
    lists.py       small lists at once: a shift's roster

A worker that is killed leaves parts behind; the next one begins anew from a snapshot of its own.
"""
