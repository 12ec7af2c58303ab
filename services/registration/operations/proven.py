"""Which sites' data a resident may see: of those who were told the address that the resident has shown to read.

A name and a phone number make somebody the same person at every site, and neighbours know both. Whoever signs a
neighbour up somewhere with an e-mail address of their own gets that site's links; so a link proves an address, and an
address opens only what was told with it.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.common.errors import FORBIDDEN, Problem, Words
from services.registration.models import PersonSite
from services.registration.operations.identity import across_sites, person_now


def proven_sites(session: Session, person_id: UUID, proven_at: UUID | None) -> list[UUID]:
    """The sites, in order. Without a site that it was proven at, all of them where one address is all there is.

    Raises 403 where that leaves none.
    """
    with across_sites(session):
        query = select(PersonSite.site_id, PersonSite.email_index).where(
            PersonSite.person_id == person_now(session, person_id)
        )
        told = {row.site_id: row.email_index for row in session.execute(query)}
    address = told.get(proven_at) if proven_at else None
    if proven_at is None and len(set(told.values()) - {None}) == 1:
        return sorted(told, key=str)
    if proven_at not in told:
        raise Problem(
            FORBIDDEN,
            Words("请通过站点发来的链接重新进入。", "Please come in again by a link that the site sent you."),
        )
    return sorted((s for s, told_with in told.items() if s == proven_at or (address and told_with == address)), key=str)
