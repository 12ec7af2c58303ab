"""Days as people and spreadsheets write them."""

import re
from datetime import date, timedelta

DATE = re.compile(r"([0-9]{4})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))")
SERIAL = re.compile(r"[1-9][0-9]{3,4}")
YEARS = range(1900, 2101)
"""A number like these is a year whose month and day are missing; as a count of days nobody alive was born then."""
EXCEL_DAY_ZERO = date(1899, 12, 30)


def as_date(text: str) -> date | None:
    """A day in any of the ways that people and spreadsheets write it, the number of days since 1900 among them; None
    for what is none, such as 2026-02-30, or may be two, such as 01/02/2026: whoever reads the column makes it a fault.
    """
    text = re.sub(r"[ T]00:00(:00)?$", "", text)
    found = DATE.fullmatch(text)
    if found:
        year, month, day = found[1], found[2] or found[4], found[3] or found[5]
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            return None
    if SERIAL.fullmatch(text) and int(text) not in YEARS:
        return EXCEL_DAY_ZERO + timedelta(days=int(text))
    return None
