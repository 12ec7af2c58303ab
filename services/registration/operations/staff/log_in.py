"""Logging in and out, and what somebody does with their own account.

    log_ins = LogIns(database, data)
    opened = log_ins.log_in(email, password, visitor)      # 401 in the same words and time, whatever is wrong
    response.set_cookie(STAFF_COOKIE, opened.cookie)

No connection is held while a password is computed: what was read before it is read again, under lock, after it. Every
log-in gets a cookie of its own, so that none can be planted beforehand; a new password ends all the others.
"""

import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.orm import Session

from services.common.audit import record
from services.common.auth import key_hash
from services.common.database import EVERY_SITE, Database
from services.common.errors import UNAUTHENTICATED, Problem, Words, invalid, not_found
from services.registration.models import Staff, StaffGrant, StaffSession
from services.registration.operations import locked
from services.registration.operations.staff.accounts import RESET, RESET_HOURS
from services.registration.operations.staff.attempts import MAILS, Attempts
from services.registration.operations.staff.links import issue_link
from services.registration.operations.staff.oidc import Identity
from services.registration.operations.staff.passwords import Hasher, check_password
from services.registration.operations.staff.sessions import LASTS
from services.registration.personal_data import PersonalData

WRONG = Words("电子邮件或密码不正确。", "The e-mail or the password is wrong.")
UNKNOWN = Words(
    "您的单位账号尚未获邀使用本系统，请联系管理员。",
    "Your organisation's account was not invited here. Ask your administrator.",
)
DEVICE_SECONDS = 180 * 24 * 3600
"""How long a browser is known after somebody logged in with it."""


@dataclass(frozen=True)
class Visitor:
    """From where somebody comes: address, what their browser calls itself, and its cookie from an earlier log-in."""

    address: str
    device: str = ""
    known: str = ""


@dataclass(frozen=True)
class Opened:
    """A new session: its cookie, and the one by which the browser is known next time."""

    staff_id: UUID
    cookie: str
    known: str


class LogIns:
    """Lets staff in."""

    def __init__(self, database: Database, data: PersonalData) -> None:
        self._database = database
        self._data = data
        self._hasher = Hasher()
        self._attempts = Attempts()
        self._mails = Attempts(account=MAILS)
        self._devices = URLSafeTimedSerializer(data.key_for("staff device"))

    def log_in(self, email: str, password: str, visitor: Visitor, replaced: str = "") -> Opened:
        """A session for who knows the password, in place of one whose cookie is given. Raises 401, or 429 after many
        tries."""
        account = self._data.account(email)
        whose = (account.hex(), self._device_of(account, visitor), visitor.address)
        self._attempts.take(*whose)
        found = self._account(account)
        stored = found.password if found and found.disabled_at is None else None
        if not self._knows(whose, stored, password) or found is None or stored is None:
            self._tell_failure(found)
            raise Problem(UNAUTHENTICATED, WRONG)
        renewed = self._hasher.hash(password) if self._hasher.is_outdated(stored) else None
        with self._database.transaction(EVERY_SITE) as session:
            act_as(session, found.id)
            staff = session.scalars(locked(select(Staff).where(Staff.id == found.id))).one()
            if staff.disabled_at is not None or staff.password != stored:
                raise Problem(UNAUTHENTICATED, WRONG)
            if renewed:
                staff.password = renewed
            session.execute(delete(StaffSession).where(StaffSession.sha256 == key_hash(replaced)))
            return self.open(session, staff, "password", visitor.device)

    def _knows(self, whose: tuple[str, str, str], stored: bytes | None, password: str) -> bool:
        """Whether this is the stored password. The try is given back unless it was a wrong guess."""
        try:
            is_right = self._hasher.verify(stored, password)
        except Problem:  # no place to compute it
            self._attempts.succeeded(*whose)
            raise
        if is_right:
            self._attempts.succeeded(*whose)
        return is_right

    def log_in_by_provider(self, issuer: str, identity: Identity, visitor: Visitor, replaced: str = "") -> Opened:
        """A session for whom a provider vouches. The first time, the account that was invited with the address which
        the provider has verified is bound to its subject, of which a keyed hash is kept."""
        subject = self._data.fingerprint("oidc", issuer, identity.subject).hex()
        with self._database.transaction(EVERY_SITE) as session:
            staff = session.scalars(locked(select(Staff).where(Staff.oidc_subject == subject))).one_or_none()
            if staff is None and identity.email is not None:
                staff = session.scalars(locked(self._invited(identity.email))).one_or_none()
            if staff is not None and staff.disabled_at is None:
                act_as(session, staff.id)
                staff.oidc_subject = subject
                session.execute(delete(StaffSession).where(StaffSession.sha256 == key_hash(replaced)))
                return self.open(session, staff, "oidc", visitor.device)
        self._tell_failure(staff)
        raise Problem(UNAUTHENTICATED, UNKNOWN)

    def _invited(self, email: str) -> Select[Any]:
        """The account with this address, if it may do anything and no subject is bound to it yet."""
        may = select(StaffGrant.id).where(StaffGrant.staff_id == Staff.id).exists()
        return select(Staff).where(Staff.email_hash == self._data.account(email), Staff.oidc_subject.is_(None), may)

    def open(self, session: Session, staff: Staff, came_by: str, device: str) -> Opened:
        """A session for an account, which the caller has locked. Where there is one site only, they work there."""
        session.execute(text("DELETE FROM staff_sessions WHERE expires_at < now()"))
        sites = session.scalars(select(func.staff_sites(staff.id)).limit(2)).all()
        cookie = secrets.token_urlsafe(32)
        session.add(
            StaffSession(
                sha256=key_hash(cookie),
                staff_id=staff.id,
                site_id=sites[0] if len(sites) == 1 else None,
                device=device,
                came_by=came_by,
                expires_at=session.scalars(select(func.now())).one() + LASTS,
            )
        )
        record(session, "log_in", "staff", staff.id, None, came_by=came_by)
        session.flush()
        known = str(self._devices.dumps([staff.email_hash.hex(), secrets.token_urlsafe(9)]))
        return Opened(staff.id, cookie, known)

    def hashed(self, password: str) -> bytes:
        """The password as it is stored, to be computed before a transaction begins."""
        return self._hasher.hash(password)

    def set_password(self, session: Session, staff_id: UUID, password: str, stored: bytes, device: str) -> Opened:
        """A new password (and its `hashed`) for who came by a link. All other sessions end."""
        staff = _find(session, staff_id)
        check_password(password, self._data.readable(staff.email) or "")
        act_as(session, staff_id)
        return self._with_new_password(session, staff_id, stored, "link", device)

    def change_password(self, staff_id: UUID, present: str, password: str, visitor: Visitor) -> Opened:
        """A new password for who is logged in and knows the present one. All other sessions end."""
        with self._database.transaction(EVERY_SITE) as session:
            staff = _find(session, staff_id)
            check_password(password, self._data.readable(staff.email) or "")
        whose = (staff.email_hash.hex(), f"session {staff_id}", visitor.address)
        self._attempts.take(*whose)
        if not self._knows(whose, staff.password, present):
            raise invalid("present", Words("当前密码不正确。", "is not your present password."))
        stored = self._hasher.hash(password)
        with self._database.transaction(EVERY_SITE) as session:
            return self._with_new_password(session, staff_id, stored, "password", visitor.device)

    def ask_for_reset(self, email: str, address: str) -> None:
        """Mail a link for a new password where there is such an account. Nobody learns whether there is."""
        account = self._data.account(email)
        self._mails.take(account.hex(), "", address)
        with self._database.transaction(EVERY_SITE) as session:
            staff = session.scalars(
                select(Staff).where(Staff.email_hash == account, Staff.disabled_at.is_(None))
            ).one_or_none()
            record(session, "password_reset_asked", "staff", staff.id if staff else "unknown", None)
            if staff:
                issue_link(session, RESET, None, staff_id=staff.id, hours=RESET_HOURS)

    def _with_new_password(self, session: Session, staff_id: UUID, stored: bytes, came_by: str, device: str) -> Opened:
        staff = session.scalars(locked(select(Staff).where(Staff.id == staff_id))).one()
        if staff.disabled_at is not None:
            raise Problem(UNAUTHENTICATED, WRONG)
        staff.password = stored
        staff.version += 1
        end_sessions(session, staff_id)
        return self.open(session, staff, came_by, device)

    def _account(self, account: bytes) -> Staff | None:
        with self._database.transaction(EVERY_SITE) as session:
            return session.scalars(select(Staff).where(Staff.email_hash == account)).one_or_none()

    def _tell_failure(self, staff: Staff | None) -> None:
        with self._database.transaction(EVERY_SITE) as session:
            record(session, "log_in_failed", "staff", staff.id if staff else "unknown", None)

    def _device_of(self, account: bytes, visitor: Visitor) -> str:
        """By what this browser is known to the account, empty for a stranger's."""
        try:
            whose, device = self._devices.loads(visitor.known, max_age=DEVICE_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return ""
        return str(device) if whose == account.hex() else ""


def act_as(session: Session, staff_id: UUID) -> None:
    """From here on this transaction is theirs, for the audit log."""
    session.execute(text("SELECT set_config('hesheng.actor', :actor, true)"), {"actor": f"staff:{staff_id}"})


def own_sessions(session: Session, staff_id: UUID) -> list[StaffSession]:
    """Somebody's sessions, the latest first."""
    rows = select(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.expires_at > func.now())
    return list(session.scalars(rows.order_by(StaffSession.created_at.desc())))


def end_session(session: Session, staff_id: UUID, session_id: UUID) -> None:
    """Log one of somebody's browsers out."""
    ended = session.execute(
        delete(StaffSession)
        .where(StaffSession.id == session_id, StaffSession.staff_id == staff_id)
        .returning(StaffSession.id)
    ).one_or_none()
    if ended is None:
        raise not_found("这次登录", "log-in of yours")
    record(session, "log_out", "staff", staff_id, None)


def end_sessions(session: Session, staff_id: UUID, cookie: str | None = None) -> None:
    """Log somebody out of the browser with this cookie, or everywhere."""
    ending = delete(StaffSession).where(StaffSession.staff_id == staff_id)
    if cookie is not None:
        ending = ending.where(StaffSession.sha256 == key_hash(cookie))
    session.execute(ending)
    record(session, "log_out" if cookie else "log_out_everywhere", "staff", staff_id, None)


def choose_site(session: Session, staff_id: UUID, cookie: str, site_id: UUID) -> None:
    """From here on they work at this site, in this session. Raises 404 for one that is not theirs."""
    if session.scalar(select(func.staff_role_at(staff_id, site_id))) is None:
        raise not_found("这个站点，或您不在那里工作", "site where you work")
    session.execute(
        text("UPDATE staff_sessions SET site_id = :site WHERE sha256 = :digest AND staff_id = :staff"),
        {"site": site_id, "digest": key_hash(cookie), "staff": staff_id},
    )


def _find(session: Session, staff_id: UUID) -> Staff:
    staff = session.get(Staff, staff_id)
    if staff is None or staff.disabled_at is not None:
        raise Problem(UNAUTHENTICATED, WRONG)
    return staff
