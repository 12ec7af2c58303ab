"""SMS: for whoever has a phone and reads no mail, where the installation has a provider."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from services.common.database import Database
from services.notifications.channels import Letter, Outcome, Unavailable, Verdict
from services.notifications.contacts import AddressedLink, Contact
from services.notifications.operations.claims import Claimed, Taken
from services.notifications.operations.hand_over import hand_over
from services.notifications.operations.providers import tell
from services.notifications.sms import Provider
from services.notifications.sms.words import Wording

ENOUGH = Verdict(Outcome.DEFERRED, "held back: too many SMS to this person within a day")


@dataclass(frozen=True)
class Sms:
    """The channel of SMS. Links do not go by it: they prove an address (`sms/words.py`)."""

    database: Database
    provider: Provider
    wording: Wording

    name = "sms"

    def reaches(self, message: Taken, contact: Contact | AddressedLink) -> bool:
        """Whether they have a phone and the provider has words for it; or it went there already, and nobody knows what
        became of it."""
        if not isinstance(message, Claimed) or not isinstance(contact, Contact):
            return False
        language = "en" if contact.language.lower().startswith("en") else "zh"
        return message.in_doubt or (bool(contact.phone) and self.provider.carries(message.kind, language))

    def compose(self, message: Taken, contact: Contact | AddressedLink) -> Letter:
        """Its text."""
        if not isinstance(message, Claimed) or not isinstance(contact, Contact):
            raise TypeError("only messages about a registration go by SMS")
        made = self.wording.compose(message, contact)
        return Letter(message, made.text.to, made.text, made.made_with)

    @contextmanager
    def open(self) -> Iterator["SmsLine"]:
        """One connection for a batch: none that the provider may have closed since is used again."""
        with requests.Session() as http:
            http.trust_env = False  # a .netrc would replace the token
            try:
                yield SmsLine(self, http)
            except Unavailable as error:
                tell(self.database, self.provider.name, str(error))
                raise
        tell(self.database, self.provider.name, None)


@dataclass(frozen=True)
class SmsLine:
    """A session with the provider."""

    channel: Sms
    http: requests.Session

    lost = False

    @property
    def provider(self) -> str:
        """With whom."""
        return self.channel.provider.name

    def send(self, letter: Letter) -> Verdict:
        """Commit that it is handed over, hand it over, or find out what became of it when it was before."""
        provider, message = self.channel.provider, letter.message
        handed = hand_over(self.channel.database, message, self.channel.name)
        if handed is None:
            return ENOUGH
        if message.in_doubt:
            return provider.settle(self.http, handed.id, letter.content, handed.since, handed.age)
        return provider.send(self.http, handed.id, letter.content)
