"""Chinese ID numbers: what they say of a person, and whether that agrees with what the person said.

fault(number, born=date(1990, 5, 17), sex="female")     # None, or what is wrong with it
"""

import re
from datetime import date
from typing import Literal

from stdnum.cn import ric

from services.common.errors import Words

NUMBER = re.compile(r"[1-9][0-9]{16}[0-9X]", re.ASCII)


def normal_id_number(written: str) -> str | None:
    """The 18 characters, or None when this is no ID number (length, birth date, check digit).

    The place is not looked up: the library knows which counties there were in the year of birth, and many a number was
    first given out years later, when the county had become another.
    """
    number = written.strip().upper()
    if not NUMBER.fullmatch(number):
        number = str(ric.compact(number))
    try:
        valid = NUMBER.fullmatch(number) and born_on(number) and ric.calc_check_digit(number) == number[-1]
    except ValueError:
        return None
    return number if valid else None


def born_on(number: str) -> date:
    """The birth date that a valid number tells."""
    return date(int(number[6:10]), int(number[10:12]), int(number[12:14]))


def sex_of(number: str) -> Literal["female", "male"]:
    """The sex that a valid number tells: its 17th digit is odd for men (GB 11643)."""
    return "male" if int(number[16]) % 2 == 1 else "female"


def fault(number: str, born: date, sex: str) -> Words | None:
    """What the number says otherwise than the person did."""
    if born_on(number) != born:
        return Words("与出生日期不符。", "does not agree with the birth date.")
    if sex_of(number) != sex:
        return Words("与性别不符。", "does not agree with the sex.")
    return None


def masked(number: str) -> str:
    """What staff see: the last four."""
    return "*" * (len(number) - 4) + number[-4:]
