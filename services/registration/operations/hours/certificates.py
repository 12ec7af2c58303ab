"""Certificates of volunteer service: made from records only, free, numbered, and verified by anybody who holds one.

    certificates = Certificates(data, public_url)
    issued = certificates.issue(session, site_id, person_id, period)
    certificates.verify(session, number, code)

The number tells nothing: years, a running count, and a check digit against slips of the pen. What opens the
verification page is the code beside it, a keyed hash of the number, so that nobody can walk through the numbers.
"""

import hashlib
import hmac
import json
from base64 import b32encode
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session
from stdnum.iso7064 import mod_37_36

from services.common.errors import Kind, Problem, Words, invalid, not_found
from services.common.events import CertificateIssued, CertificateRevoked
from services.common.logs import get_logger
from services.common.outbox import add_events
from services.common.sealing import UNREADABLE
from services.registration.models import (
    Certificate,
    CertificateBatch,
    CertificateRecord,
    PersonSite,
    ServiceRecord,
    Site,
    Team,
    Volunteer,
)
from services.registration.operations import locked
from services.registration.operations.hours.certificate_paper import TEMPLATE, Content, certificate_uri, check_printable
from services.registration.operations.hours.records import actor, all_of, own_standing, standing
from services.registration.operations.hours.resting_certificates import outdated_of_site, stands
from services.registration.operations.hours.told import tell_of_revocation
from services.registration.operations.people.identity import person_now
from services.registration.operations.people.minors_shown import shown_of
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.operations.sites.sites import find_site, local_today
from services.registration.operations.teams.teams import roster
from services.registration.personal_data import PersonalData
from services.registration.schemas.certificates import (
    BatchAnswer,
    BatchBody,
    OwnCertificateBody,
    PeriodBody,
    RevocationsAnswer,
    RevokedAnswer,
    VerifiedAnswer,
)

log = get_logger(__name__)

CODE_LETTERS = 12
"""60 bits, and thirty tries a minute: nobody guesses one."""
AT_ONCE = 20
"""More than so many certificates are the worker's."""

NO_HOURS = Kind("no-hours", 409, Words("没有可证明的时长", "There are no hours to certify"))
ALTERED = Words("它的内容与出具时的校验值不符。", "What is kept of it is not what was issued.")
ERASED = Kind("gone", 410, Words("内容已删除", "Its content was erased"))


class Certificates:
    """Issues, reads, verifies and revokes certificates."""

    def __init__(self, data: PersonalData, public_url: str) -> None:
        self._data = data
        self._key = data.key_for("certificate code")
        self._base = public_url.rstrip("/")
        self._page = f"{self._base}/verify"

    def issue(
        self, session: Session, site_id: UUID, person_id: UUID, period: PeriodBody, batch_id: UUID | None = None
    ) -> Certificate:
        """A certificate of the hours that one site recorded in the period. Raises 404 where the site does not know the
        person, 409 where there are no hours, 422 where a character cannot be printed."""
        told = session.get(PersonSite, (person_id, site_id))
        if told is None:
            raise not_found("这个人", "person")
        found = _within(standing(session, site_id, all_of(session, person_id)), period)
        if not found:
            raise Problem(
                NO_HOURS,
                Words("这段时间没有有效的服务记录。", "No service of this person was recorded then."),
            )
        content = self._content(session, told, found, period)
        check_printable(content)
        plain = json.dumps(content, ensure_ascii=False, sort_keys=True)
        issued = Certificate(
            number=content["number"],
            site_id=site_id,
            person_id=person_id,
            batch_id=batch_id,
            **period.model_dump(include={"period_from", "period_to"}),
            minutes=content["minutes"],
            records=len(found),
            content=self._data.encrypt(plain),
            encrypted_with=self._data.newest_key,
            content_hash=hashlib.sha256(plain.encode()).hexdigest(),
            template=TEMPLATE,
            issued_by=actor(),
            issued_at=datetime.now(UTC),
        )
        session.add(issued)
        session.flush()
        session.add_all(CertificateRecord(certificate_id=issued.id, record_id=r.id, site_id=site_id) for r in found)
        session.flush()
        session.refresh(issued)
        add_events(session, [CertificateIssued.model_validate(_facts(issued))])
        return issued

    def issue_own(self, session: Session, resident: Resident, body: OwnCertificateBody) -> Certificate:
        """A certificate of one's own hours. Raises 409 where there are no hours, 422 where the site must be named."""
        site_id = _site_of_own_hours(session, resident, body)
        return self.issue(session, site_id, person_now(session, resident.person_id), body)

    def content(self, certificate: Certificate) -> Content:
        """What it says. Raises 410 where that was erased, and refuses what no longer fits its hash."""
        if not certificate.content:
            raise Problem(ERASED, Words("应本人要求已删除。", "It was erased at the person's request."))
        plain = self._data.decrypt(certificate.content)
        if hashlib.sha256(plain.encode()).hexdigest() != certificate.content_hash:
            log.error("certificate_altered", certificate_id=str(certificate.id))
            raise Problem(UNREADABLE, ALTERED)
        content: Content = json.loads(plain)
        return content

    def verify(self, session: Session, number: str, code: str) -> VerifiedAnswer:
        """What anybody may learn who has the paper, spaced or not. A wrong number and a wrong code look alike."""
        number, code = ("".join(one.split()).replace("-", "").upper() for one in (number, code))
        row = session.scalars(select(Certificate).where(Certificate.number == number)).one_or_none()
        if not hmac.compare_digest(code.encode(), self.code(number).encode()) or row is None:
            raise not_found(
                "这份证明，请核对编号和验证码", "certificate with this number and code: please compare both"
            )
        content = json.loads(self._data.readable(row.content) or "{}")
        site = session.get_one(Site, row.site_id)
        standing = stands(session, [row])[row.id]
        state = "revoked" if row.revoked_at else "valid" if standing == row.minutes else "changed"
        return VerifiedAnswer(
            number=row.number,
            valid=state == "valid",
            state=state,
            standing_minutes=0 if state == "revoked" else standing,
            name=masked(content.get("name", "")),
            minutes=row.minutes,
            period_from=row.period_from,
            period_to=row.period_to,
            unit=content.get("unit") or site.name_zh,
            issued_on=row.issued_at.astimezone(ZoneInfo(site.time_zone)).date(),
        )

    def revocations(self, session: Session, site_id: UUID) -> RevocationsAnswer:
        """What machines are to know of a site's certificates: which no longer hold, by what they are known by. Raises
        404. The session must see the site."""
        find_site(session, site_id)
        revoked = select(Certificate).where(Certificate.site_id == site_id, Certificate.revoked_at.is_not(None))
        changed = outdated_of_site(session, site_id)
        listed = [(row.number, "revoked") for row in session.scalars(revoked.order_by(Certificate.position))]
        listed += [(row.number, "its records were corrected") for row in changed]
        return RevocationsAnswer(
            id=f"{self._base}/v1/sites/{site_id}/certificate-revocations",
            issuer=f"{self._base}/sites/{site_id}",
            revokedCredentials=[
                RevokedAnswer(id=certificate_uri(self._page, number), revoked=True, revocationReason=reason)
                for number, reason in listed
            ],
        )

    def code(self, number: str) -> str:
        """The code beside the number."""
        return b32encode(hmac.digest(self._key, number.encode(), "sha256"))[:CODE_LETTERS].decode()

    def start_batch(self, session: Session, site_id: UUID, body: BatchBody) -> CertificateBatch:
        """Certificates for several people: a few at once, many by the worker."""
        batch = CertificateBatch(
            site_id=site_id,
            team_id=body.team_id,
            people=body.person_ids or _members(session, body.team_id),
            asked_by=actor(),
            skipped=[],
            **body.model_dump(include={"period_from", "period_to"}),
        )
        session.add(batch)
        session.flush()
        session.refresh(batch)
        if len(batch.people) <= AT_ONCE:
            self.go_on(session, batch.id)
        return batch

    def go_on(self, session: Session, batch_id: UUID, most: int = AT_ONCE) -> bool:
        """Make some more of a batch's certificates; returns whether any remain. Two workers at once take turns."""
        batch = session.scalars(locked(select(CertificateBatch).where(CertificateBatch.id == batch_id))).one()
        period = PeriodBody(period_from=batch.period_from, period_to=batch.period_to)
        skipped = list(batch.skipped)
        for place, person_id in enumerate(batch.people[batch.done : batch.done + most], batch.done):
            try:
                self.issue(session, batch.site_id, person_id, period, batch.id)
            except Problem:
                skipped.append(place)
        batch.done = min(batch.done + most, len(batch.people))
        batch.skipped = skipped
        batch.state = "done" if batch.done == len(batch.people) else "waiting"
        session.flush()
        return batch.state == "waiting"

    def _content(
        self, session: Session, told: PersonSite, found: Sequence[ServiceRecord], period: PeriodBody
    ) -> Content:
        site = session.get_one(Site, told.site_id)
        today = local_today(session, site)
        number = _next_number(session, today.year)
        code = self.code(number)
        volunteer = session.scalar(select(Volunteer.volunteer_number).where(Volunteer.person_id == told.person_id))
        return {
            "template": TEMPLATE,
            "number": number,
            "code": code,
            "page": self._page,
            "url": f"{self._page}/{number}?k={code}",
            "zone": site.time_zone,
            "issuer": f"{self._base}/sites/{site.id}",
            "revocations": f"{self._base}/v1/sites/{site.id}/certificate-revocations",
            "name": self._data.decrypt(told.name),
            "volunteer_number": volunteer or "",
            "minutes": sum(record.minutes for record in found),
            "unit": site.name_zh,
            "period_from": period.period_from.isoformat(),
            "period_to": period.period_to.isoformat(),
            "issued_on": today.isoformat(),
            "records": [
                {
                    "day": record.day.isoformat(),
                    "activity": record.activity,
                    "place": record.place,
                    "content": record.content,
                    "responsible": record.responsible,
                    "minutes": record.minutes,
                }
                for record in found
            ],
        }


def note_shown(session: Session, data: PersonalData, found: Sequence[Certificate]) -> None:
    """Put on record which minors' certificates staff read."""
    of = tuple_(PersonSite.person_id, PersonSite.site_id).in_([(one.person_id, one.site_id) for one in found])
    shown_of(session, data, session.scalars(select(PersonSite).where(of)).all() if found else [])


def revoke(session: Session, certificate_id: UUID, reason: str) -> Certificate:
    """Say that a certificate no longer holds. Doing so twice changes nothing."""
    certificate = session.scalars(locked(select(Certificate).where(Certificate.id == certificate_id))).one_or_none()
    if certificate is None:
        raise not_found("这份证明", "certificate")
    if certificate.revoked_at is not None:
        return certificate
    certificate.revoked_at, certificate.revoked_by = datetime.now(UTC), actor()
    certificate.revoke_reason = reason
    certificate.version += 1
    session.flush()
    add_events(session, [CertificateRevoked.model_validate(_facts(certificate))])
    tell_of_revocation(session, certificate)
    return certificate


def _site_of_own_hours(session: Session, resident: Resident, body: OwnCertificateBody) -> UUID:
    """The one site that recorded hours of this resident in the period. Raises 422 where there are several."""
    found = _within(own_standing(session, resident), body)
    sites = sorted({record.site_id for record in found if body.site_id in (None, record.site_id)}, key=str)
    if not sites:
        raise Problem(NO_HOURS, Words("这段时间没有有效的服务记录。", "No service of yours was recorded then."))
    if len(sites) > 1:
        listed = "、".join(str(site) for site in sites)
        raise invalid("site_id", Words(f"请选择一个站点：{listed}。", f"must name one of the sites: {listed}."))
    return sites[0]


def find_certificate(session: Session, certificate_id: UUID) -> Certificate:
    """The certificate. Raises 404."""
    certificate = session.get(Certificate, certificate_id)
    if certificate is None:
        raise not_found("这份证明", "certificate")
    return certificate


def own_certificates(session: Session, resident: Resident) -> Sequence[Certificate]:
    """A resident's own certificates, newest first."""
    own = theirs(session, resident, Certificate)
    return session.scalars(select(Certificate).where(own).order_by(Certificate.position.desc())).all()


def own_certificate(session: Session, resident: Resident, certificate_id: UUID) -> Certificate:
    """One of a resident's own. Raises 404."""
    own = theirs(session, resident, Certificate)
    certificate = session.scalars(select(Certificate).where(own, Certificate.id == certificate_id)).one_or_none()
    if certificate is None:
        raise not_found("这份证明", "certificate")
    return certificate


def _members(session: Session, team_id: UUID | None) -> list[UUID]:
    """Who is in the team. Raises 422 where it is not the site's, or nobody is."""
    if team_id is None or session.get(Team, team_id) is None:
        raise invalid("team_id", Words("没有这个队伍。", "is no team of this site."))
    people = [member.person_id for member in roster(session, team_id)]
    if not people:
        raise invalid("team_id", Words("队伍里还没有成员。", "has no members yet."))
    return people


def waiting_batches(session: Session, limit: int = 1) -> Sequence[UUID]:
    """Batches that wait for the worker, who waits longest first."""
    query = select(CertificateBatch.id).where(CertificateBatch.state == "waiting")
    return session.scalars(query.order_by(CertificateBatch.position).limit(limit)).all()


def describe_batch(batch: CertificateBatch) -> BatchAnswer:
    """The batch as it is answered."""
    return BatchAnswer.model_validate({**vars(batch), "total": len(batch.people)})


def masked(name: str) -> str:
    """The first character, and always two stars: not even how long the name is."""
    return f"{name.strip()[:1]}**"


def _within(records: Sequence[ServiceRecord], period: PeriodBody) -> list[ServiceRecord]:
    return [record for record in records if record.minutes and period.period_from <= record.day <= period.period_to]


def _next_number(session: Session, year: int) -> str:
    running = session.scalars(select(func.nextval("certificate_numbers"))).one()
    plain = f"HS{year}{running:08d}"
    return plain + str(mod_37_36.calc_check_digit(plain))


def _facts(certificate: Certificate) -> dict[str, object]:
    return {
        "certificate_id": certificate.id,
        "site_id": certificate.site_id,
        "person_id": certificate.person_id,
        "minutes": certificate.minutes,
        "period_from": certificate.period_from,
        "period_to": certificate.period_to,
    }
