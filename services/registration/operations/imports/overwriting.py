"""A file that overwrites what people told leaves a trace of each of them."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from services.registration.models import Import


@contextmanager
def overwriting(session: Session, found: Import) -> Iterator[None]:
    """Where the file overwrites what people told, each whom it changes is in the audit log, in the name of who asked
    for that: a new address is where their links go."""
    if not found.overwrite:
        yield
        return
    act = text("SELECT set_config('hesheng.actor', :actor, true)")
    before = session.scalar(text("SELECT coalesce(current_setting('hesheng.actor', true), '')"))
    session.execute(act, {"actor": found.made_by})
    yield
    session.execute(act, {"actor": before})
