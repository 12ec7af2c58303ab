"""Accounts of staff: inviting, reading, disabling; names and addresses are ciphertext.

    invited = invite(session, data, by, body)     # the account, made where there was none, with the grants

`by` is who does it (`grants.py`). An account is known by its address. It opens nothing until its owner sets a password
by the link that was mailed, or comes by single sign-on.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from cryptography.fernet import InvalidToken
from sqlalchemy import Select, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.common.auth import Caller, Principal
from services.common.database import EVERY_SITE, Database
from services.common.errors import CONFLICT, FORBIDDEN, Problem, Words, not_found
from services.common.logs import get_logger
from services.registration.models import Staff, StaffGrant, StaffSession
from services.registration.operations import Versions, check_version, conflict, locked
from services.registration.operations.staff.grants import By, add_grant, all_manageable, check_manager, manageable
from services.registration.operations.staff.links import issue_link
from services.registration.personal_data import PersonalData
from services.registration.schemas.staff import GrantAnswer, GrantBody, MeEdit, StaffAnswer, StaffBody

log = get_logger(__name__)

INVITATION, RESET = "staff_invitation", "staff_password"
INVITATION_HOURS, RESET_HOURS = 7 * 24, 1

DISABLED = "此账号已停用，请联系运维人员。", "This account is disabled. Ask the operator."
ANOTHERS = (
    "这个邮箱已有账号，由别的区划管理。请联系运维人员授予角色。",
    "There is an account with this address, which others manage. Ask the operator to give it the role.",
)


def visible(by: By) -> Select[Any]:
    """The accounts that they may manage, or some of whose grants they may."""
    if by is None:
        return select(Staff)
    held = select(StaffGrant.staff_id).where(manageable(by))
    return select(Staff).where(
        or_(select(func.staff_is_operator(by)).scalar_subquery(), Staff.id.in_(held)),
    )


def invite(session: Session, data: PersonalData, by: By, body: StaffBody) -> StaffAnswer:
    """Make the account where there is none with this address, give the grants, and mail a link to who is new.

    Raises 409 where only others manage the account that there is.
    """
    check_manager(session, by)
    account = data.account(body.email)
    row: dict[str, Any] = {
        "email": data.encrypt(body.email),
        "email_hash": account,
        "name": data.encrypt(body.name),
        "encrypted_with": data.newest_key,
        "language": body.language,
    }
    # Two who invite the same person at once make one account.
    session.execute(insert(Staff).values(row).on_conflict_do_nothing(index_elements=["email_hash"]))
    staff = session.scalars(locked(select(Staff).where(Staff.email_hash == account))).one()
    if staff.disabled_at is not None:
        raise conflict(*DISABLED)
    if _is_anothers(session, by, staff):
        raise conflict(*ANOTHERS)
    renewed = data.readable(staff.email) is None
    if renewed:
        # The key is gone, and the hash says that the address is the same: so it is known again.
        staff.email, staff.name, staff.encrypted_with = row["email"], row["name"], data.newest_key
        staff.version += 1
    for grant in body.grants:
        try:
            add_grant(session, by, staff.id, grant)
        except Problem as problem:
            if not (renewed and problem.kind is CONFLICT):
                raise
    if is_invited(staff):
        issue_link(session, INVITATION, None, staff_id=staff.id, hours=INVITATION_HOURS)
    return describe(session, data, by, [staff])[0]


def _is_anothers(session: Session, by: By, staff: Staff) -> bool:
    """Whether only others gave this account what it may: whoever knows an address learns nobody's name by it."""
    if session.scalar(select(StaffGrant.id).where(StaffGrant.staff_id == staff.id).limit(1)) is None:
        return False
    return session.scalar(visible(by).where(Staff.id == staff.id).with_only_columns(Staff.id)) is None


def invite_again(session: Session, data: PersonalData, by: By, staff_id: UUID) -> StaffAnswer:
    """Mail a fresh link to somebody who has not come yet."""
    staff = _managed(session, by, staff_id)
    if staff.disabled_at is not None:
        raise conflict(*DISABLED)
    if not is_invited(staff):
        raise conflict(
            "此人已设置过密码或已登录；忘记密码可在登录页重设。",
            "They have come already. Who forgot the password sets a new one at the log-in page.",
        )
    issue_link(session, INVITATION, None, staff_id=staff.id, hours=INVITATION_HOURS)
    return describe(session, data, by, [staff])[0]


def find_staff(session: Session, data: PersonalData, by: By, staff_id: UUID) -> StaffAnswer:
    """An account, as who manages it sees it."""
    check_manager(session, by)
    staff = session.scalars(visible(by).where(Staff.id == staff_id)).one_or_none()
    if staff is None:
        raise not_found("这位工作人员", "member of staff that you manage")
    return describe(session, data, by, [staff])[0]


def set_disabled(
    session: Session, data: PersonalData, by: By, staff_id: UUID, disabled: bool, expected: Versions
) -> StaffAnswer:
    """Shut an account, with all its sessions, or open it again."""
    staff = _managed(session, by, staff_id)
    check_version(staff.version, expected)
    if staff.id == by:
        raise conflict("不能停用自己的账号。", "You cannot disable your own account.")
    if not all_manageable(session, by, staff):
        words = Words(
            "此人还有您管辖之外的权限，请只撤销您所管的权限。", "They serve elsewhere too. Take your roles away."
        )
        raise Problem(FORBIDDEN, words)
    if disabled != (staff.disabled_at is not None):
        staff.disabled_at = session.scalar(select(func.now())) if disabled else None
        staff.version += 1
        session.execute(delete(StaffSession).where(StaffSession.staff_id == staff.id))
        session.flush()
    return describe(session, data, by, [staff])[0]


def grant_more(session: Session, data: PersonalData, by: By, staff_id: UUID, body: GrantBody) -> GrantAnswer:
    """Give somebody one more role."""
    staff = _managed(session, by, staff_id)
    if staff.disabled_at is not None:
        raise conflict(*DISABLED)
    return GrantAnswer.model_validate(add_grant(session, by, staff.id, body))


def edit_own(session: Session, data: PersonalData, staff_id: UUID, body: MeEdit) -> None:
    """Change what somebody may change of themselves."""
    staff = session.scalars(locked(select(Staff).where(Staff.id == staff_id))).one()
    changes = body.model_dump(exclude_unset=True)
    if changes.get("name", name := data.readable(staff.name)) != name:
        staff.name = data.encrypt(changes["name"])
        staff.version += 1
    if changes.get("language", staff.language) != staff.language:
        staff.language = changes["language"]
        staff.version += 1
    session.flush()


def describe(session: Session, data: PersonalData, by: By, found: Sequence[Staff]) -> list[StaffAnswer]:
    """Accounts with those of their grants that the reader manages."""
    grants: dict[UUID, list[GrantAnswer]] = {staff.id: [] for staff in found}
    rows = select(StaffGrant).where(StaffGrant.staff_id.in_(grants), manageable(by)).order_by(StaffGrant.granted_at)
    for grant in session.scalars(rows):
        grants[grant.staff_id].append(GrantAnswer.model_validate(grant))
    return [
        StaffAnswer(
            id=staff.id,
            email=data.readable(staff.email) or "",
            name=data.shown(staff.name),
            readable=data.readable(staff.email) is not None,
            language=staff.language,
            disabled=staff.disabled_at is not None,
            invited=is_invited(staff),
            grants=grants[staff.id],
            version=staff.version,
        )
        for staff in found
    ]


def is_invited(staff: Staff) -> bool:
    """Whether they have not come yet."""
    return staff.password is None and staff.oidc_subject is None


def _managed(session: Session, by: By, staff_id: UUID) -> Staff:
    check_manager(session, by)
    staff = session.scalars(locked(visible(by).where(Staff.id == staff_id))).one_or_none()
    if staff is None:
        raise not_found("这位工作人员", "member of staff that you manage")
    return staff


def any_older_staff_encryption(session: Session, data: PersonalData) -> bool:
    """Whether an account is not encrypted with the newest key."""
    ends = session.execute(select(func.min(Staff.encrypted_with), func.max(Staff.encrypted_with))).one()
    return any(end is not None and end != data.newest_key for end in ends)


def renew_staff_encryption(session: Session, data: PersonalData, after: int, limit: int = 200) -> int | None:
    """Encrypt with the newest key some accounts that follow a position; returns the last one's, None at the end."""
    older = select(Staff).where(Staff.encrypted_with != data.newest_key, Staff.position > after)
    rows = session.scalars(locked(older.order_by(Staff.position).limit(limit))).all()
    for staff in rows:
        try:
            staff.email, staff.name = data.renew(staff.email), data.renew(staff.name)
        except InvalidToken:
            log.error("details_unreadable", staff_id=str(staff.id))
            continue
        staff.encrypted_with = data.newest_key
    return rows[-1].position if rows else None


def name_of(database: Database, data: PersonalData, principal: Principal) -> str:
    """The name of the member of staff who acts; empty for a key."""
    if principal.caller is not Caller.STAFF:
        return ""
    with database.transaction(EVERY_SITE) as session:
        return data.readable(session.get_one(Staff, UUID(principal.name)).name) or ""
