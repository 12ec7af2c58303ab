"""Teams and their members."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Team(Table):
    """A choir or a group of volunteers."""

    __tablename__ = "teams"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID]
    name_zh: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)


class TeamMember(Table):
    """A person in a team, or invited to it. `agreed` tells how they agreed."""

    __tablename__ = "team_members"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    team_id: Mapped[UUID]
    site_id: Mapped[UUID]
    person_id: Mapped[UUID]
    role: Mapped[str] = mapped_column(default="member")
    status: Mapped[str]
    agreed: Mapped[str] = mapped_column(default="")
    invited_at: Mapped[datetime] = made_by_database()
    joined_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
