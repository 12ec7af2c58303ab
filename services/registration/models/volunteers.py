"""What volunteers were taught, given and told of their work."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class _OfVolunteer:
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    person_id: Mapped[UUID]
    site_id: Mapped[UUID]
    day: Mapped[date]
    made_by: Mapped[str]


class Training(_OfVolunteer, Table):
    """A course that a volunteer took part in; `code` is what shifts may require."""

    __tablename__ = "trainings"
    code: Mapped[str]
    name: Mapped[str]
    content: Mapped[str]
    minutes: Mapped[int]
    provider: Mapped[str]
    valid_until: Mapped[date | None]


class Award(_OfVolunteer, Table):
    """A distinction."""

    __tablename__ = "awards"
    name: Mapped[str]
    grantor: Mapped[str]


class Evaluation(_OfVolunteer, Table):
    """How well a volunteer served, by whom."""

    __tablename__ = "evaluations"
    quality: Mapped[str]
    evaluator: Mapped[str]
