"""One-time links: how residents, guardians and new staff get in without a password.

    link = issue_link(session, "guardian_consent", site_id, person_id=..., subject=..., hours=72)
    links.url(link.id)                          # when the mail is sent, by the service that sends it
    links.open(session, token, lock=True)       # the row, locked; 404 for a forged token, 410 when it is over
    links.manage_url(person_id, site_id, email) # not a row: in every mail, opens that person's registrations

The database holds no secret: the token is the row's id, signed. Opening a link only reads. What it is good for is
done by a POST, which marks it as used (`use`) where it may act once.
"""

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from itsdangerous import BadSignature, SignatureExpired, URLSafeSerializer, URLSafeTimedSerializer
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from services.common.errors import Kind, Problem, Words, not_found
from services.common.events import LinkIssued
from services.common.outbox import add_events
from services.registration.models import Link
from services.registration.operations import locked
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.people import contacts
from services.registration.operations.people.recipients import NO_LONGER, address_of
from services.registration.personal_data import PersonalData
from services.registration.schemas.people import Contact, Known

MANAGE_DAYS = 90
"""How long the link of a mail opens the registrations: longer than most sign up ahead; then a new one is asked for."""

GONE = Kind("gone", 410, Words("链接已失效", "This link is over"))

OVER = Words("链接已使用或已过期，请重新获取。", "It was used or has expired. Please ask for a new one.")

_LOGGED_OUT_SINCE = text("SELECT sessions_from >= to_timestamp(:made_at) FROM people WHERE id = :person")


class Links:
    """Makes tokens and opens them."""

    def __init__(self, data: PersonalData, public_url: str) -> None:
        self._data = data
        self._signer = URLSafeSerializer(data.key_for("links"))
        self._manage = URLSafeTimedSerializer(data.key_for("manage"))
        self.public_url = public_url.rstrip("/")

    def token(self, link_id: UUID) -> str:
        """What the address of the link ends in."""
        return str(self._signer.dumps(link_id.hex))

    def manage_url(self, person_id: UUID, site_id: UUID, email: str) -> str:
        """An address for every mail to this person: opens their registrations until `MANAGE_DAYS` are over.

        Not a row in the database, because each mail has one. It holds as long as the site knows the person by this
        address, and until they log out everywhere: who corrects a wrong address, or passed a mail on, shuts out whoever
        has the mails.
        """
        # The signature's own time has whole seconds: too coarse beside "log out everywhere".
        token = self._manage.dumps([person_id.hex, site_id.hex, self._proof(email), time.time()])
        return f"{self.public_url}/links/mine/{token!s}"

    def open_manage(self, session: Session, token: str) -> Contact:
        """Whose registrations these are, and at which site. Raises 404 for a forged token, 410 when it is over."""
        try:
            person_id, site_id, proof, made_at = self._manage.loads(token, max_age=MANAGE_DAYS * 86400)
        except SignatureExpired:
            raise over() from None
        except BadSignature:
            raise not_found("这个链接", "link") from None
        known = Known(person_id=person_now(session, UUID(person_id)), site_id=UUID(site_id))
        if session.scalar(_LOGGED_OUT_SINCE, {"person": known.person_id, "made_at": made_at}):
            raise over()
        for contact in contacts(session, self._data, [known]):
            if contact.email is not None and self._proof(contact.email) == proof:
                return contact
        raise over()

    def enter_manage(self, session: Session, token: str) -> tuple[UUID, bytes, UUID]:
        """Whose registrations these are, the keyed hash of the address that got the link, and in which site's mail.
        Raises 404, 410."""
        known = self.open_manage(session, token)
        return known.person_id, self._data.contact_index("email", known.email or ""), known.site_id

    def _proof(self, email: str) -> str:
        return self._data.fingerprint("manage", email.lower()).hex()[:16]

    def url(self, link_id: UUID) -> str:
        """The address that goes into a mail."""
        return f"{self.public_url}/links/{self.token(link_id)}"

    def open(self, session: Session, token: str, lock: bool = False) -> Link:
        """The link of this token. Raises 404 for one that we did not make, 410 when it expired or was used, or was
        mailed to an address that is no longer that of whom it is for."""
        try:
            link_id = UUID(self._signer.loads(token))
        except (BadSignature, ValueError):
            raise not_found("这个链接", "link") from None
        query = select(Link, func.now()).where(Link.id == link_id)
        row = session.execute(locked(query) if lock else query).one_or_none()
        if row is None:
            raise not_found("这个链接", "link")
        link, now = row
        if link.used_at is not None or link.expires_at <= now:
            raise over()
        if link.address_index is not None and link.address_index != address_of(session, self._data, link):
            raise over(NO_LONGER.get(link.purpose, OVER))
        return link


def over(words: Words = OVER) -> Problem:
    """What is said of a link that opened something once."""
    return Problem(GONE, words)


def issue_link(
    session: Session,
    purpose: str,
    site_id: UUID | None,
    *,
    person_id: UUID | None = None,
    staff_id: UUID | None = None,
    subject: UUID | None = None,
    activity_id: UUID | None = None,
    address: bytes | None = None,
    hours: int = 24,
) -> Link:
    """A new link, which notifications will mail to whom it is for. `subject` is what the link is about, `address`
    where it goes if that is on record no more (ciphertext)."""
    link = Link(
        purpose=purpose,
        site_id=site_id,
        person_id=person_id,
        staff_id=staff_id,
        subject=subject,
        activity_id=activity_id,
        address=address,
        expires_at=datetime.now(UTC) + timedelta(hours=hours),
    )
    session.add(link)
    session.flush()
    add_events(
        session,
        [
            LinkIssued(
                link_id=link.id, purpose=purpose, site_id=site_id, person_id=person_id, expires_at=link.expires_at
            )
        ],
    )
    return link


def use_all_of_staff(session: Session, staff_id: UUID) -> None:
    """Mark every open link of an account as used: once its password is set, an old invitation sets no other."""
    open_ones = update(Link).where(Link.staff_id == staff_id, Link.used_at.is_(None))
    session.execute(open_ones.values(used_at=datetime.now(UTC)))


def use(link: Link) -> None:
    """Mark a locked link as used: it opens nothing any more."""
    link.used_at = datetime.now(UTC)
