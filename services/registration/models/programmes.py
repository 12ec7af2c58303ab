"""Programmes and their clones."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, FetchedValue, ForeignKey
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.registration.models.base import Table, made_by_database


class Programme(Table):
    """Activities under one banner, as a template; kept by a site, or by an area for the sites in it."""

    __tablename__ = "programmes"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    site_id: Mapped[UUID | None]
    area: Mapped[str | None]
    title_zh: Mapped[str]
    title_en: Mapped[str]
    description_zh: Mapped[str]
    description_en: Mapped[str]
    first_weekday: Mapped[int | None]
    template: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(default=1)


class ProgrammeClone(Table):
    """A programme at a site. `taken` is the template as the site took it, `declined` what it does not want, by path."""

    __tablename__ = "programme_clones"
    id: Mapped[UUID] = made_by_database(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, server_default=FetchedValue())
    programme_id: Mapped[UUID] = mapped_column(ForeignKey("programmes.id"))
    site_id: Mapped[UUID]
    starts_on: Mapped[date]
    first_day: Mapped[date]
    taken: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    declined: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict)
    version: Mapped[int] = mapped_column(default=1)
