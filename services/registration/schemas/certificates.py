"""Certificates of service, and what the public may learn of one."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from services.common.schemas import Answer, Body, ListQuery, Query
from services.registration.schemas.hours import Reason, no_doubles

MOST_IN_BATCH = 500


class PeriodBody(Body):
    """The days that a certificate is about, both included."""

    period_from: date
    period_to: date

    @model_validator(mode="after")
    def _in_order(self) -> "PeriodBody":
        if self.period_from > self.period_to:
            raise PydanticCustomError(
                "period_in_order",
                "must not end before it begins",
                {"zh": "结束日期不得早于开始日期。", "en": "must not end before it begins."},
            )
        return self


class OwnCertificateBody(PeriodBody):
    """A certificate for oneself, of one site's records."""

    site_id: UUID | None = Field(default=None, description="needed where several sites recorded hours in the period")


class BatchBody(PeriodBody):
    """Certificates for several people at once."""

    person_ids: list[UUID] | None = Field(default=None, min_length=1, max_length=MOST_IN_BATCH)
    team_id: UUID | None = Field(default=None, description="instead of person_ids: its members of now")

    @model_validator(mode="after")
    def _people_or_team(self) -> "BatchBody":
        if (self.person_ids is None) == (self.team_id is None):
            raise PydanticCustomError(
                "people_or_team",
                "needs either person_ids or team_id",
                {"zh": "请指明人员或队伍，二者选一。", "en": "needs either person_ids or team_id."},
            )
        return self

    @model_validator(mode="after")
    def _each_once(self) -> "BatchBody":
        no_doubles([str(person_id) for person_id in self.person_ids or []])
        return self


class RevocationBody(Body):
    """Why a certificate no longer holds."""

    reason: Reason


class CertificateAnswer(Answer):
    """A certificate, without what it says of the person."""

    id: UUID
    number: str
    site_id: UUID
    person_id: UUID
    period_from: date
    period_to: date
    minutes: int
    records: int
    content_hash: str
    issued_by: str
    issued_at: datetime
    revoked_at: datetime | None
    revoke_reason: str | None
    version: int


class CertificatesAnswer(Answer):
    """Several certificates."""

    items: list[CertificateAnswer]


class CertificateQuery(ListQuery):
    """Whose certificates."""

    person_id: UUID | None = None


class BatchAnswer(Answer):
    """How far a batch is. Whoever has no hours in the period is skipped."""

    id: UUID
    site_id: UUID
    period_from: date
    period_to: date
    total: int
    done: int
    team_id: UUID | None
    skipped: list[int] = Field(description="places among the people of those without hours, from 0")
    state: Literal["waiting", "done"]


class SignedAnswer(Answer):
    """A certificate for machines: a JWS; `GET /v1/certificate-keys` has the key that checks it."""

    jws: str
    url: str = Field(description="where people verify it, with its code")


class RevokedAnswer(Answer):
    """A credential that no longer holds, as Open Badges 3.0 lists one."""

    id: str
    revoked: bool
    revocationReason: str


class RevocationsAnswer(Answer):
    """A site's list of what no longer holds (1EdTechRevocationList)."""

    id: str
    issuer: str
    revokedCredentials: list[RevokedAnswer]


class KeysAnswer(Answer):
    """The public keys of signed certificates, as a JWK set."""

    keys: list[dict[str, str]]


class VerifyQuery(Query):
    """The code beside the number."""

    k: Annotated[str, StringConstraints(max_length=40)] = ""


class VerifiedAnswer(Answer):
    """What anybody may learn who has a certificate before them: enough to compare, and no more."""

    number: str
    valid: bool = Field(description="neither revoked nor changed: it says what stands")
    state: Literal["valid", "changed", "revoked"] = Field(
        description="changed: a record that it rests on was corrected since"
    )
    standing_minutes: int = Field(description="what stands by now of the hours that it says; 0 where it was revoked")
    name: str = Field(description="the first character alone")
    minutes: int
    period_from: date
    period_to: date
    unit: str
    issued_on: date
