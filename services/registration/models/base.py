"""What all tables have in common."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import DateTime, FetchedValue, LargeBinary
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Table(DeclarativeBase):
    """Base of all tables: text, UUIDs, and times that are always UTC."""

    type_annotation_map: ClassVar = {datetime: DateTime(timezone=True), bytes: LargeBinary}


def made_by_database(primary_key: bool = False) -> Mapped:
    """A column that the database fills: an id, a position, the time of making."""
    return mapped_column(server_default=FetchedValue(), primary_key=primary_key)
