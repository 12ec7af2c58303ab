"""The texts that people agree to: versions, of which one counts at any time.

A version counts from its `effective_from`. Where it asks `again` (what is agreed to has changed), those who agreed to
an earlier one must agree again: from that moment theirs is in force no longer (`text_holds` in the database).
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import Words, invalid
from services.registration.models import ConsentText
from services.registration.operations import alone
from services.registration.schemas.consents import NewConsentText

PAST = Words("不能早于现在；从现在起有效的，请留空。", "must not lie in the past; leave it empty for now.")
BEFORE_LAST = Words(
    "不能早于上一版的生效时间。", "must not be before the last version that was published comes into effect."
)


def publish_text(session: Session, body: NewConsentText) -> ConsentText:
    """A new version of a text, which counts from the moment that it says, else from now on. Raises 422."""
    alone(session, f"consent text {body.kind}")
    of_kind = select(ConsentText).where(ConsentText.kind == body.kind).order_by(ConsentText.number.desc()).limit(1)
    last = session.scalars(of_kind).one_or_none()
    now = session.scalars(select(func.clock_timestamp())).one()
    effective = body.effective_from or now
    if effective < now:
        raise invalid("effective_from", PAST)
    if last is not None and effective < last.effective_from:
        raise invalid("effective_from", BEFORE_LAST)
    told = body.model_dump(include={"kind", "zh", "en", "again"})
    made = ConsentText(**told, number=last.number + 1 if last else 1, effective_from=effective)
    session.add(made)
    session.flush()
    return made


def newest_text(session: Session, kind: str) -> ConsentText:
    """The version that counts now."""
    counts = ConsentText.kind == kind, ConsentText.effective_from <= func.now()
    query = select(ConsentText).where(*counts).order_by(ConsentText.number.desc()).limit(1)
    return session.scalars(query).one()
