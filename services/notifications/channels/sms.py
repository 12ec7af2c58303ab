"""SMS: for whoever has a phone and reads no mail, where the installation has a provider."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from services.common.database import Database
from services.common.sealing import Box
from services.notifications.channels import Letter, Outcome, Unavailable, Verdict
from services.notifications.contacts import AddressedLink, Contact
from services.notifications.operations.claims import Taken
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.operations.claims.news import Claimed
from services.notifications.operations.hand_over import hand_over, hand_over_again
from services.notifications.operations.providers import tell
from services.notifications.sms import Provider
from services.notifications.sms.announcements import announced_text
from services.notifications.sms.words import Wording
from services.notifications.wording.made_with import MadeWith

ENOUGH = Verdict(Outcome.DEFERRED, "held back: too many SMS to this person within a day")


REST = 30.0
"""Seconds for which a provider is left alone that took a request and gave no answer: each such wait is ten seconds in
which nobody else's message goes out."""


@dataclass(eq=False)
class Sms:
    """The channel of SMS. Links do not go by it: they prove an address (`sms/words.py`)."""

    database: Database
    provider: Provider
    wording: Wording
    box: Box
    prefixes: tuple[str, ...] = ("+86",)
    rests_until: float = 0.0

    name = "sms"

    def reaches(self, message: Taken, contact: Contact | AddressedLink) -> bool:
        """Whether they have a phone and the provider has words for it; or it went there already, and nobody knows what
        became of it."""
        if not isinstance(message, Claimed | ClaimedAnnouncement) or not isinstance(contact, Contact):
            return False
        language = "en" if contact.language.lower().startswith("en") else "zh"
        to = (contact.phone or "").startswith(self.prefixes)
        return message.in_doubt or (to and self.provider.carries(message.kind, language))

    def compose(self, message: Taken, contact: Contact | AddressedLink) -> Letter:
        """Its text."""
        if isinstance(message, ClaimedAnnouncement) and isinstance(contact, Contact):
            said = announced_text(message, contact, self.provider.signs)
            return Letter(message, said.to, said, MadeWith())
        if not isinstance(message, Claimed) or not isinstance(contact, Contact):
            raise TypeError("only messages about a registration and announcements go by SMS")
        made = self.wording.compose(message, contact)
        return Letter(message, made.text.to, made.text, made.made_with)

    @contextmanager
    def open(self) -> Iterator["SmsLine"]:
        """One connection for a batch: none that the provider may have closed since is used again."""
        if time.monotonic() < self.rests_until:
            raise Unavailable("the SMS provider rests after a failure")
        with requests.Session() as http:
            http.trust_env = False  # a .netrc would replace the token
            line = SmsLine(self, http)
            try:
                yield line
            except Unavailable as error:
                tell(self.database, self.provider.name, str(error))
                raise
        tell(self.database, self.provider.name, "it does not answer" if line.lost else None)


@dataclass
class SmsLine:
    """A session with the provider."""

    channel: Sms
    http: requests.Session

    lost: bool = False

    @property
    def provider(self) -> str:
        """With whom."""
        return self.channel.provider.name

    def send(self, letter: Letter) -> Verdict:
        """Commit that it is handed over, hand it over, or find out what became of it when it was before."""
        provider, message = self.channel.provider, letter.message
        to_key = self.channel.box.fingerprint("phone", letter.to)[:16]
        handed = hand_over(self.channel.database, message, self.channel.name, to_key)
        if handed is None:
            return ENOUGH
        if message.in_doubt:
            settled = provider.settle(self.http, handed.id, letter.content, handed.since, handed.age)
            verdict = settled or self._again(letter, handed.id)
        else:
            verdict = provider.send(self.http, handed.id, letter.content)
        if verdict.outcome is Outcome.UNKNOWN:
            self.lost, self.channel.rests_until = True, time.monotonic() + REST
        return verdict

    def _again(self, letter: Letter, hand_over_id: str) -> Verdict:
        hand_over_again(self.channel.database, letter.message)
        return self.channel.provider.send(self.http, hand_over_id, letter.content)
