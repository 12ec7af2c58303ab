"""Which other web pages a site trusts to show its sign-up in a frame and to ask its public API."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.registration.models import Site
from services.registration.operations import locked
from services.registration.operations.sites.public import find_site


def allowed_origins(session: Session, site_id: UUID) -> Sequence[str]:
    """The origins, none for a site that is not there."""
    return session.scalar(select(Site.embed_origins).where(Site.id == site_id)) or ()


def allow_origins(session: Session, site_id: UUID, origins: Sequence[str]) -> Sequence[str]:
    """From now on these and no others. Raises 404."""
    find_site(session, site_id)
    site = session.scalars(locked(select(Site).where(Site.id == site_id))).one()
    site.embed_origins = sorted(set(origins))
    session.flush()
    return site.embed_origins
