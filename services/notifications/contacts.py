"""Contact details, asked of registration at the moment of sending and kept nowhere.

book = ContactBook(settings.registration_url, token)
book.look_up([(person_id, site_id), …])     # {(person_id, site_id): Contact}
book.open_links([link_id, …])               # {link_id: AddressedLink}
book.who_has([(shift_id, "staff"), …])      # [Notice]: ids of those to be told
book.look_up_staff([staff_id, …])           # {staff_id: StaffContact}
book.days_of([(site_id, day), …])           # {(site_id, day): Day}: what a day holds
book.tell([Told(…), …])                     # whom an SMS reached
book.audience({"to": "site", …}, after)     # whom an announcement goes to, by ids, page by page
book.count({"to": "site", …}, ["+86"], …)   # how many these are, and how they are reached
book.colleagues(site_id, None, hands)       # who may approve one, and what actors are called
book.choices(site_id, staff_id)             # teams and areas to choose from
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import UUID

import requests
from pydantic import BaseModel, Field, ValidationError

from services.common.auth import Principal

TIMEOUT = (2, 10)
LONG_TIMEOUT = (2, 60)
"""For what looks at everybody in an area: a million people take ten seconds."""

REFUSALS_AT_ONCE = 100_000
"""Refusals that one question has: eight megabytes at most, of the ten that registration reads."""

Known = tuple[UUID, UUID]
"""A person and the site that knows them: what they told one site is not for another's mail."""


class ContactsUnavailable(Exception):
    """Registration could not say who these people are now; says why without naming anybody."""


class Refusal(NamedTuple):
    """Who refused announcements of a site, and by which channels."""

    person_id: UUID
    site_id: UUID
    mail: bool
    sms: bool


class Guardian(BaseModel):
    """Who gets copies of what a minor is told."""

    email: str = Field(repr=False)
    language: str = "zh-CN"


class Contact(BaseModel):
    """A person as a mail needs them. Nothing of it shows in a log or traceback (`repr=False`).

    `manage_url` opens this person's registrations to whoever reads the mail. `guardian` is there for a minor who reads
    mail, and whose guardian reads it elsewhere.
    """

    person_id: UUID
    site_id: UUID
    name: str = Field(repr=False)
    email: str | None = Field(default=None, repr=False)
    phone: str | None = Field(default=None, repr=False)
    language: str = "zh-CN"
    manage_url: str | None = Field(default=None, repr=False)
    guardian: Guardian | None = None


class AddressedLink(BaseModel):
    """A one-time link with whom it is for. `about` is what it concerns, such as a team's name; often empty."""

    link_id: UUID
    url: str = Field(repr=False)
    name: str = Field(repr=False)
    email: str | None = Field(default=None, repr=False)
    language: str = "zh-CN"
    about_zh: str = ""
    about_en: str = ""


class Notice(BaseModel):
    """Who is to be told something of a shift, by ids. `needed` is false where there is nothing left to be told."""

    shift_id: UUID
    kind: str
    needed: bool
    people: list[UUID]
    staff: list[UUID]


class StaffContact(BaseModel):
    """A member of staff as a mail needs them; `shifts_url`, with a shift's id behind it, is its roster."""

    staff_id: UUID
    name: str = Field(repr=False)
    email: str = Field(repr=False)
    language: str = "zh-CN"
    shifts_url: str
    hours_url: str


class DayShift(BaseModel):
    """A shift of a day, by numbers and titles. `without_consent`: of how many a consent is missing."""

    shift_id: UUID
    title_zh: str
    title_en: str
    role_zh: str
    role_en: str
    where_zh: str
    where_en: str
    starts_at: datetime
    ends_at: datetime
    places: int
    confirmed: int
    waitlisted: int
    offered: int
    without_consent: int


class DayAttendance(BaseModel):
    """A shift that is over: how many did not come, and of how many nobody said it yet."""

    shift_id: UUID
    title_zh: str
    title_en: str
    starts_at: datetime
    absent: int
    open: int


class Day(BaseModel):
    """What a site's staff should know of a day, and who they are, by ids."""

    site_id: UUID
    day: date
    shifts: list[DayShift]
    attendance: list[DayAttendance]
    staff: list[UUID]


class _Days(BaseModel):
    digests: list[Day]


class _Notices(BaseModel):
    notices: list[Notice]


class _Staff(BaseModel):
    staff: list[StaffContact] = Field(repr=False)


class Reach(BaseModel):
    """How far a resident's session reaches: who they are now, the ids under which their rows were written, the sites
    that it opens."""

    person_id: UUID
    sites: list[UUID]
    persons: list[UUID]


class Told(BaseModel):
    """Whether what happened to a registration at that moment (registration's clock) has reached its person: by SMS,
    or, where `by_mail`, not by the mail that was sent, for it came back."""

    registration_id: UUID
    caused_at: datetime
    reached: bool
    by_mail: bool = False


class Audience(BaseModel):
    """What was chosen as an announcement's audience, by name; or why it may not be."""

    name_zh: str
    name_en: str
    objection: Literal["unknown", "not_theirs"] | None


class _Recipient(BaseModel):
    person_id: UUID
    site_id: UUID


class AudiencePage(Audience):
    """A page of those whom it goes to, each once; `next` is None on the last."""

    people: list[_Recipient]
    next: UUID | None


class AudienceCount(Audience):
    """How many there are, and how many of them are reached by what; `refused`: who refused all that reaches them.
    `few`: it is at most `people`, and nobody is told more."""

    people: int
    by_mail: int
    by_phone: int
    refused: int
    unreached: int
    few: bool = False


class Colleagues(BaseModel):
    """Who may approve an announcement, by ids, and what actors are called; who may not be named is missing."""

    staff: list[UUID]
    names: dict[str, str] = Field(repr=False)


class Choice(BaseModel):
    """Something to choose: a team's id, or an area's code."""

    id: str
    name_zh: str
    name_en: str


class Choices(BaseModel):
    """What somebody may choose from."""

    teams: list[Choice]
    areas: list[Choice]


class _Contacts(BaseModel):
    contacts: list[Contact] = Field(repr=False)


class _Links(BaseModel):
    links: list[AddressedLink] = Field(repr=False)


class _Heard(BaseModel):
    heard: int


Answer = TypeVar("Answer", bound=BaseModel)


class ContactBook:
    """Registration's `POST /internal/contacts`, `/links`, `/notices`, `/staff`, `/digest`, `/reach` and `/told`.

    All raise `ContactsUnavailable` for whatever keeps the answer from coming: that is no fault of a message. `note` is
    told of each, and with None of each answer.
    """

    def __init__(self, registration_url: str, token: str, note: Callable[[str | None], None] | None = None) -> None:
        self._note = note or (lambda _: None)
        self._url = f"{registration_url.rstrip('/')}/internal"
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {token}"

    def look_up(self, people: Collection[Known]) -> dict[Known, Contact]:
        """The contacts of these people (at most 1000), as each told the site; who is not there any more is missing."""
        wanted = [{"person_id": str(person), "site_id": str(site)} for person, site in people]
        contacts = self._ask("contacts", {"people": wanted}, _Contacts).contacts
        return {(contact.person_id, contact.site_id): contact for contact in contacts}

    def open_links(self, ids: Collection[UUID]) -> dict[UUID, AddressedLink]:
        """Where these links lead and whom they are for; those that are over, or for nobody any more, are missing."""
        links = self._ask("links", {"links": [str(link) for link in ids]}, _Links).links
        return {link.link_id: link for link in links}

    def who_has(self, notices: Collection[tuple[UUID, str]]) -> list[Notice]:
        """Whom these notices (at most 1000, a shift and a kind each) concern just now."""
        asked = [{"shift_id": str(shift), "kind": kind} for shift, kind in notices]
        return self._ask("notices", {"notices": asked}, _Notices).notices

    def look_up_staff(self, ids: Collection[UUID]) -> dict[UUID, StaffContact]:
        """These members of staff; whoever's account is closed is missing."""
        staff = self._ask("staff", {"staff": [str(one) for one in ids]}, _Staff).staff
        return {one.staff_id: one for one in staff}

    def days_of(self, wanted: Collection[tuple[UUID, date]]) -> dict[tuple[UUID, date], Day]:
        """What these days (at most 100) hold at their sites; a site that is closed is missing."""
        asked = [{"site_id": str(site), "day": day.isoformat()} for site, day in wanted]
        return {(one.site_id, one.day): one for one in self._ask("digest", {"digests": asked}, _Days).digests}

    def reach(self, resident: Principal, since: datetime | None = None) -> Reach:
        """Whose rows of which sites this resident's session opens; none where they logged out everywhere after
        a session began `since`, by registration's clock."""
        mailed_by = str(resident.mailed_by) if resident.mailed_by else None
        asked = {"person_id": resident.name, "address": resident.address, "mailed_by": mailed_by}
        if since is not None:
            asked["since"] = since.isoformat()
        return self._ask("reach", asked, Reach)

    def tell(self, told: Sequence[Told]) -> None:
        """Say whom SMS reached (at most 1000)."""
        self._ask("told", {"told": [one.model_dump(mode="json") for one in told]}, _Heard)

    def audience(self, question: dict[str, Any], after: UUID | None = None, limit: int = 1) -> AudiencePage:
        """A page (at most 10,000) of those whom it goes to, in the order of their ids, behind `after`."""
        asked = question | {"after": str(after) if after else None, "limit": limit}
        return self._ask("audience", asked, AudiencePage)

    def count(self, question: dict[str, Any], phones: Sequence[str], refusals: Sequence[Refusal]) -> AudienceCount:
        """How many they are. `phones` are the beginnings of numbers to which an SMS can go; `refusals` come in the
        order of people's ids, and are told in parts, by these."""
        whole: Counter[str] = Counter()
        for after, until, part in _parts(refusals):
            asked = question | {"phones": list(phones), "after": after, "until": until}
            asked |= {"no_mail": _by_site(one for one in part if one.mail)}
            asked |= {"no_sms": _by_site(one for one in part if one.sms)}
            counted = self._ask("audience/count", asked, AudienceCount, LONG_TIMEOUT)
            whole.update({name: value for name, value in counted if type(value) is int})
        return counted.model_copy(update=whole)

    def colleagues(
        self, site_id: UUID | None, area: str | None, hands: Collection[str], actors: Collection[str] = (),
        asked_by: str | None = None,
    ) -> Colleagues:  # fmt: skip
        """Who may approve what goes to this site or area, in which these hands were, `asked_by` among them who acts
        there; and what these actors are called."""
        asked: dict[str, Any] = {"site_id": str(site_id) if site_id else None, "area": area, "asked_by": asked_by}
        asked |= {"hands": sorted(hands), "actors": sorted(actors)}
        return self._ask("audience/colleagues", asked, Colleagues)

    def choices(self, site_id: UUID | None, staff_id: UUID | None) -> Choices:
        """The site's teams, and the areas that this member of staff looks after (None: the operator's key)."""
        asked = {"site_id": str(site_id) if site_id else None, "asked_by": str(staff_id) if staff_id else None}
        return self._ask("audience/choices", asked, Choices)

    def _ask(
        self, what: str, question: dict[str, Any], model: type[Answer], timeout: tuple[int, int] = TIMEOUT
    ) -> Answer:
        try:
            answer = self._answer(what, question, model, timeout)
        except ContactsUnavailable as error:
            self._note(str(error))
            raise
        self._note(None)
        return answer

    def _answer(self, what: str, question: dict[str, Any], model: type[Answer], timeout: tuple[int, int]) -> Answer:
        try:
            answer = self._http.post(f"{self._url}/{what}", json=question, timeout=timeout)
            answer.raise_for_status()
            return model.model_validate_json(answer.content)
        except requests.HTTPError as error:
            raise ContactsUnavailable(f"registration answered {error.response.status_code}") from None
        except requests.RequestException as error:
            raise ContactsUnavailable(f"registration cannot be reached: {type(error).__name__}") from None
        except ValidationError as error:
            # `from None` and a count only: pydantic's message quotes what it got, which is personal data.
            raise ContactsUnavailable(f"registration's answer has {error.error_count()} error(s)") from None


def _parts(refusals: Sequence[Refusal]) -> Iterator[tuple[str | None, str | None, Sequence[Refusal]]]:
    """People behind one id, up to and with another, and the refusals of these; at least one part, and everybody is in
    one."""
    after, begin = None, 0
    while len(refusals) - begin > REFUSALS_AT_ONCE:
        last = refusals[begin + REFUSALS_AT_ONCE - 1].person_id
        end = bisect_right(refusals, last, lo=begin, key=lambda one: one.person_id)
        yield after, str(last), refusals[begin:end]
        after, begin = str(last), end
    yield after, None, refusals[begin:]


def _by_site(refusals: Iterable[Refusal]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in refusals:
        found.setdefault(str(one.site_id), []).append(str(one.person_id))
    return found
