"""What a shift asks of who signs up, as forms write it and as pages say it.

requirement_values(shift.requirements, "requirements")   # what the fields of a form show
asked(shift.requirements)                                # 16–60 岁；技能：急救
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import Words, language
from services.registration.codes import CONSENT_KINDS, PROFESSIONS, SKILLS
from services.registration.models import Training
from services.registration.operations.seats.verdicts import ITEMS

CONSENTS = {kind: CONSENT_KINDS[kind] for kind in ("health", "photo", "sensitive_id_number")}
"""What a shift can ask to be agreed to. Terms and guardians' consents are asked for by rule."""

LISTS: dict[str, tuple[Words, dict[str, Words]]] = {
    "skills": (Words("技能", "Skills"), SKILLS),
    "professions": (Words("职业", "Professions"), PROFESSIONS),
    "consents": (Words("须同意", "Consents"), CONSENTS),
}
TRAINING = Words("培训", "Training")
MOST_TRAININGS = 50


def list_fields(prefix: str) -> list[str]:
    """The fields of a form below the prefix that have several values."""
    return [f"{prefix}.{name}" for name in (*LISTS, "training")]


def requirement_values(requirements: dict[str, Any], prefix: str) -> dict[str, Any]:
    """The requirements as a form shows them."""
    return {f"{prefix}.{name}": value for name, value in requirements.items()}


def trainings_known(session: Session, site_id: object) -> dict[str, Words]:
    """The trainings that the site has on record, by code: what a shift can ask for."""
    query = select(Training.code, func.max(Training.name)).where(Training.site_id == site_id, Training.code != "")
    rows = session.execute(query.group_by(Training.code).order_by(Training.code).limit(MOST_TRAININGS))
    return {code: Words(name, name) for code, name in rows}


def asked(requirements: dict[str, Any]) -> str:
    """What is asked, in the reader's language; empty where nothing is."""
    is_zh = language() == "zh"
    parts = [_ages(requirements.get("min_age"), requirements.get("max_age"))]
    for name, (title, codes) in {**LISTS, "training": (TRAINING, {})}.items():
        words = [codes.get(code, Words(code, code)) for code in requirements.get(name, [])]
        if words:
            listed = ("、" if is_zh else ", ").join(one.zh if is_zh else one.en for one in words)
            parts.append(f"{title.zh}：{listed}" if is_zh else f"{title.en}: {listed}")
    return ("；" if is_zh else "; ").join(part for part in parts if part)


WHAT: dict[str, tuple[Words, Mapping[str, Words]]] = {
    **LISTS,
    "consents_again": (ITEMS["consents_again"], CONSENT_KINDS),
    "training": (TRAINING, {}),
    "age": (Words("年龄", "the age"), {}),
}


def lacking_words(lacks: list[str]) -> str:
    """What somebody lacks (`skills:first_aid`, `age`), in the reader's language."""
    is_zh = language() == "zh"
    said = []
    for lack in lacks:
        kind, _, code = lack.partition(":")
        title, codes = WHAT[kind]
        words = codes.get(code, Words(code, code))
        shown = (title.zh, words.zh) if is_zh else (title.en, words.en)
        said.append((" " if is_zh else ": ").join(part for part in shown if part))
    return ("、" if is_zh else ", ").join(said)


def _ages(youngest: int | None, oldest: int | None) -> str:
    if youngest is None and oldest is None:
        return ""
    if language() == "zh":
        return (
            f"{youngest}–{oldest} 岁"
            if None not in (youngest, oldest)
            else (f"{oldest} 岁以下（含）" if youngest is None else f"{youngest} 岁以上（含）")
        )
    if youngest is None:
        return f"aged {oldest} at most"
    return f"aged {youngest} at least" if oldest is None else f"aged {youngest} to {oldest}"
