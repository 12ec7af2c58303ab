"""What residents correct of themselves, at a site that their session reaches."""

from uuid import UUID

from sqlalchemy.orm import Session

from services.common.errors import CONFLICT, Problem, Words, not_found
from services.registration.models import Volunteer
from services.registration.operations.people.own_registrations import LINK_HOURS, PURPOSE
from services.registration.operations.people.people import edit_person, told_by
from services.registration.operations.people.proven_sites import Resident, proven_sites
from services.registration.operations.staff.links import issue_link
from services.registration.personal_data import PersonalData, plain_name
from services.registration.schemas.people import OwnEdit, PersonAnswer, PersonEdit

ASK_THE_SITE = Words(
    "这项更正不能在网上办理，请带证件到站点，或给站点打电话。",
    "This cannot be corrected online. Please come to the site with a document, or call.",
)
NAME_OF_VOLUNTEER = Words(
    "志愿者的姓名会写在服务证明上，不能在网上更改；请带证件到站点更正。",
    "A volunteer's name stands on certificates and is not changed online. Please come to the site with a document.",
)


def edit_own(session: Session, data: PersonalData, resident: Resident, site_id: UUID, body: OwnEdit) -> PersonAnswer:
    """Correct what a site was told. Raises 404 for a site out of reach, 409 where the site has to be asked.

    A new address is mailed a link: before that was opened, no session reaches what was told with it.
    """
    if site_id not in proven_sites(session, resident):
        raise not_found("这个站点", "site")
    told = told_by(session, site_id, resident.person_id)
    renamed = "name" in body.model_fields_set and plain_name(body.name) != plain_name(data.decrypt(told.name))
    if renamed and session.get(Volunteer, told.person_id) is not None:
        raise Problem(CONFLICT, NAME_OF_VOLUNTEER)
    address = told.email_index
    edit = PersonEdit(**body.model_dump(exclude_unset=True))
    after = edit_person(session, data, site_id, told.person_id, edit, None, taken=ASK_THE_SITE)
    if told.email_index is not None and told.email_index != address:
        issue_link(session, PURPOSE, site_id, person_id=told.person_id, hours=LINK_HOURS)
    return after
