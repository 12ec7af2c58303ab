"""Days as people and spreadsheets write them."""

import re
from datetime import date, timedelta

DATE = re.compile(r"([0-9]{4})(?:[-/.年]([0-9]{1,2})[-/.月]([0-9]{1,2})日?|([0-9]{2})([0-9]{2}))")
SERIAL = re.compile(r"[1-9][0-9]{3,4}")
EXCEL_DAY_ZERO = date(1899, 12, 30)


def as_date(text: str) -> date | None:
    """A day in any of the ways that people and spreadsheets write it, the number of days since 1900 among them."""
    text = re.sub(r"[ T]00:00(:00)?$", "", text)
    found = DATE.fullmatch(text)
    try:
        if found:
            year, month, day = found[1], found[2] or found[4], found[3] or found[5]
            return date(int(year), int(month), int(day))
        if SERIAL.fullmatch(text) and int(text) >= 1000:
            return EXCEL_DAY_ZERO + timedelta(days=int(text))
    except ValueError:
        pass
    return None
