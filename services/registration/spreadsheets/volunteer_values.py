"""What a row says of a volunteer (Order 67), beyond what every person says: lists of words, consents, the ID number."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta

from services.common.errors import Words
from services.registration.codes import CATEGORIES, PROFESSIONS, SKILLS
from services.registration.id_numbers import born_on, normal_id_number, sex_of
from services.registration.personal_data import normal_email, normal_phone, plain_name
from services.registration.spreadsheets.dates import as_date

SEPARATORS = re.compile(r"[,，、;；|/\n]+")
SEXES = {"女": "female", "f": "female", "female": "female", "男": "male", "m": "male", "male": "male"}
YES = ("是", "同意", "已同意", "√", "✓", "y", "yes", "true")
NO = ("否", "不同意", "未同意", "×", "n", "no", "false")

AGREED = "yes"
"""What stands for a consent whose day nobody wrote down; else its day."""


def _coded(codes: dict[str, Words]) -> Callable[[str], str | None]:
    known = {word.casefold(): code for code, words in codes.items() for word in (code, words.zh, words.en)}

    def check(text: str) -> str | None:
        chosen = [known.get(word.strip().casefold()) for word in SEPARATORS.split(text) if word.strip()]
        return None if None in chosen else ",".join(sorted({code for code in chosen if code}))

    return check


def _consent(text: str) -> str | None:
    """`yes`, the day on which it was given, nothing where it was refused."""
    said = text.casefold()
    if said in YES or said in NO:
        return AGREED if said in YES else ""
    day = as_date(text)
    # Tomorrow in UTC is today somewhere.
    lately = datetime.now(UTC).date() + timedelta(days=1)
    return day.isoformat() if day and date(1990, 1, 1) <= day <= lately else None


def _name(text: str) -> str | None:
    return text if plain_name(text) else None


CHECKS: dict[str, Callable[[str], str | None]] = {
    "sex": lambda text: SEXES.get(text.casefold()),
    "id_number": normal_id_number,
    "skills": _coded(SKILLS),
    "professions": _coded(PROFESSIONS),
    "categories": _coded(CATEGORIES),
    "agreed": _consent,
    "id_number_consent": _consent,
    "guardian_consent": _consent,
    "guardian": _name,
    "guardian_phone": normal_phone,
    "guardian_email": normal_email,
}

CODES = {
    "agreed": "consent",
    "id_number_consent": "consent",
    "guardian_consent": "consent",
    "guardian": "invisible",
    "guardian_phone": "phone",
    "guardian_email": "email",
}
"""What is wrong where it is not called like its column."""


def whole_faults(values: dict[str, str]) -> Sequence[tuple[str, str]]:
    """What does not fit together, as (column, what is wrong); what the ID number says besides is filled in."""
    faults = []
    number = values.get("id_number")
    if number:
        told = {"birth_date": born_on(number).isoformat(), "sex": sex_of(number)}
        faults += [("id_number", f"id_{name}") for name, said in told.items() if values.setdefault(name, said) != said]
        if not values.get("id_number_consent"):
            faults.append(("id_number_consent", "id_number_consent"))
    if "agreed" not in values:
        faults.append(("agreed", "not_agreed"))
    if "guardian" in values and not {"guardian_phone", "guardian_email"} & set(values):
        faults.append(("guardian_phone", "guardian_unreachable"))
    if "guardian_consent" in values and "guardian" not in values:
        faults.append(("guardian", "no_guardian"))
    return faults
