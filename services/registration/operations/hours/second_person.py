"""A second person: what one hand said about hours, another has to look at.

    check_second_person(session, entry.entered_by, "补录须由另一人审核。", "A second person must decide.")

Only staff with a session of their own are a person; a key is a machine, and who holds it may have entered the hours.
Nor is it a second person whom the first one invited, or whose key was made by them: one hand can have two accounts.
The audit log knows who made which; the database wants staff as well.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.common.errors import Words
from services.registration.operations import conflict
from services.registration.operations.hours.records import actor

A_PERSON = "staff:"
NO_PERSON = Words(
    "须由登录的工作人员决定，密钥不算第二人。", "Staff who are logged in must decide: a key is not a second person."
)
ONE_HAND = Words(
    "你们之中一人邀请了另一人，或发放了对方的密钥，须由第三人决定。",
    "One of you invited the other, or made the other's key: somebody else must decide.",
)


def check_second_person(session: Session, first: str, zh: str, en: str) -> None:
    """Raise 409, with these words, where whoever acts is the first person themselves; or is none, or their hand."""
    second = actor()
    if second == first:
        raise conflict(zh, en)
    if not second.startswith(A_PERSON):
        raise conflict(NO_PERSON.zh, NO_PERSON.en)
    if session.scalar(select(func.one_hand(first, second))):
        raise conflict(ONE_HAND.zh, ONE_HAND.en)
