"""Contact details, asked of registration at the moment of sending and kept nowhere.

ContactBook(settings.registration_url, token).look_up([(person_id, site_id), …])   # {(person_id, site_id): Contact}
"""

from collections.abc import Collection
from uuid import UUID

import requests
from pydantic import BaseModel, Field, ValidationError

TIMEOUT = (2, 10)

Known = tuple[UUID, UUID]
"""A person and the site that knows them: what they told one site is not for another's mail."""


class ContactsUnavailable(Exception):
    """Registration could not say who these people are now; says why without naming anybody."""


class Contact(BaseModel):
    """A person as a mail needs them. Nothing of it shows in a log or traceback (`repr=False`)."""

    person_id: UUID
    site_id: UUID
    name: str = Field(repr=False)
    email: str | None = Field(default=None, repr=False)
    language: str = "zh-CN"


class _Answer(BaseModel):
    contacts: list[Contact] = Field(repr=False)


class ContactBook:
    """Registration's `POST /internal/contacts`."""

    def __init__(self, registration_url: str, token: str) -> None:
        self._url = f"{registration_url.rstrip('/')}/internal/contacts"
        self._http = requests.Session()
        self._http.headers["Authorization"] = f"Bearer {token}"

    def look_up(self, people: Collection[Known]) -> dict[Known, Contact]:
        """The contacts of these people (at most 1000), as each told the site; who is not there any more is missing.

        Raises `ContactsUnavailable` for whatever keeps the answer from coming: that is no fault of a message.
        """
        try:
            wanted = [{"person_id": str(person), "site_id": str(site)} for person, site in people]
            answer = self._http.post(self._url, json={"people": wanted}, timeout=TIMEOUT)
            answer.raise_for_status()
            contacts = _Answer.model_validate_json(answer.content).contacts
        except requests.HTTPError as error:
            raise ContactsUnavailable(f"registration answered {error.response.status_code}") from None
        except requests.RequestException as error:
            raise ContactsUnavailable(f"registration cannot be reached: {type(error).__name__}") from None
        except ValidationError as error:
            # `from None` and a count only: pydantic's message quotes what it got, which is personal data.
            raise ContactsUnavailable(f"registration's answer has {error.error_count()} error(s)") from None
        return {(contact.person_id, contact.site_id): contact for contact in contacts}
