"""Consents as they are shown: which text, whose word, how it came, who put it on record, whether it counts."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from services.registration.models import Consent, ConsentText, Representative, Site
from services.registration.operations.people.consents import Withdrawal
from services.registration.personal_data import PersonalData
from services.registration.schemas.consents import ConsentAnswer, Withdrawn


@dataclass(frozen=True)
class Shown:
    """A consent with what belongs to it. `guardian` is a name in plain text."""

    consent: Consent
    text: ConsentText
    site: Site
    guardian: str | None
    guardian_is_current: bool | None
    holds: bool
    kind_holds: bool

    @property
    def state(self) -> str:
        """Whether it counts. One whose text counts no more is `replaced` where they agreed again, else
        `agree_again`."""
        if self.consent.withdrawn_at is not None:
            return "withdrawn"
        if self.holds:
            return "in_force"
        return "replaced" if self.kind_holds else "agree_again"


def show_consents(session: Session, data: PersonalData, rows: Sequence[Consent]) -> list[Shown]:
    """These consents, in their order, whatever site they were given to."""
    with_text = (
        select(
            Consent.id,
            ConsentText,
            Site,
            func.text_holds(Consent.text_id),
            func.consent_in_force(Consent.person_id, Consent.site_id, Consent.kind),
        )
        .join(ConsentText, ConsentText.id == Consent.text_id)
        .join(Site, Site.id == Consent.site_id)
        .where(Consent.id.in_([one.id for one in rows]))
    )
    found = {row[0]: row[1:] for row in session.execute(with_text)} if rows else {}
    now = _guardians_now(session, rows)
    return [
        Shown(
            one,
            text,
            site,
            data.readable(one.guardian),
            one.guardian_hash == now.get((one.person_id, one.site_id)) if one.guardian_hash else None,
            holds,
            kind_holds,
        )
        for one in rows
        for text, site, holds, kind_holds in [found[one.id]]
    ]


def _guardians_now(session: Session, rows: Sequence[Consent]) -> dict[tuple[object, object], bytes | None]:
    """By what the guardian on file is known again, of each person at each site."""
    whose = {(one.person_id, one.site_id) for one in rows if one.guardian_hash}
    query = select(Representative).where(
        Representative.kind == "guardian", tuple_(Representative.person_id, Representative.site_id).in_(whose)
    )
    return {(one.person_id, one.site_id): one.identity_hash for one in session.scalars(query)} if whose else {}


def describe_consents(session: Session, data: PersonalData, rows: Sequence[Consent]) -> list[ConsentAnswer]:
    """As the API answers them."""
    return [answer_of(one) for one in show_consents(session, data, rows)]


def answer_of(shown: Shown) -> ConsentAnswer:
    """One, as the API answers it."""
    of_row = {name: getattr(shown.consent, name) for name in ConsentAnswer.model_fields if hasattr(shown.consent, name)}
    of_text = {"text_number": shown.text.number, "text_zh": shown.text.zh, "text_en": shown.text.en}
    of_guardian = {"guardian": shown.guardian, "guardian_is_current": shown.guardian_is_current}
    return ConsentAnswer.model_validate({**of_row, **of_text, **of_guardian, "state": shown.state})


def describe_withdrawal(session: Session, data: PersonalData, led_to: Withdrawal) -> Withdrawn:
    """What a withdrawal led to, as the API answers it."""
    [consent] = describe_consents(session, data, [led_to.consent])
    return Withdrawn.model_validate({"consent": consent, "cancelled": led_to.cancelled, "deleted": led_to.deleted})
