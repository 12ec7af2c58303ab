"""SMS: for whoever has a phone and reads no mail, where the installation has a provider."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import requests

from services.common.database import Database
from services.common.sealing import Box
from services.notifications.channels import Health, Letter, Outcome, Unavailable, Verdict
from services.notifications.contacts import AddressedLink, Contact
from services.notifications.mail import servers
from services.notifications.operations.claims import Taken
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.operations.claims.news import Claimed
from services.notifications.operations.hand_over import hand_over, hand_over_again, key_of_number, take_back
from services.notifications.operations.providers import fails_for, tell
from services.notifications.sms import Provider, session
from services.notifications.sms.announcements import announced_text
from services.notifications.sms.words import Texts
from services.notifications.wording.made_with import MadeWith

ENOUGH = Verdict(Outcome.HELD_BACK, "held back: too many SMS to this person within a day")
ELSEWHERE = Verdict(Outcome.REFUSED, "unknown: no answer came, and their number is another one by now", unsure=True)
"""It may be with the old number: to ask after the new one says nothing of that."""

RESTS_PER_WAIT = 3.0
"""For how many times as long as it let us wait for nothing a provider is left alone: nobody else's message went out
meanwhile. Not for less than a mail server that fails (`servers.RESTS`), which grows where it answers nothing at all."""

AVOIDED = 600.0
"""Seconds for which another provider, where there is one, is preferred to one that gave no answer, unless it answers
about what it may have: whatever else it swallowed would be in doubt as well."""


def bucket_of(provider: str) -> str:
    """Under what it is kept how much a provider of this name still takes."""
    return f"sms {provider}"


@dataclass(eq=False)
class Sms:
    """The channel of SMS, by one provider. Links do not go by it: they prove an address (`sms/words.py`).

    A provider that fails rests as a mail server does, and its next one is taken meanwhile. What may be with it is asked
    after there alone, however long that takes.
    """

    database: Database
    provider: Provider
    texts: Texts
    box: Box
    prefixes: tuple[str, ...] = ("+86",)
    rests_until: float = 0.0
    avoided_until: float = 0.0
    failures: int = 0

    name = "sms"

    @property
    def bucket(self) -> str:
        """Each provider has its own."""
        return bucket_of(self.provider.name)

    @property
    def health(self) -> Health:
        """It rests after a failure, and is doubtful for longer after none came back."""
        now = time.monotonic()
        if now < self.rests_until:
            return Health.RESTS
        return Health.DOUBTFUL if now < self.avoided_until else Health.WORKS

    def is_out(self, seconds: float) -> bool:
        """Whether its provider has failed for so long, to whichever worker."""
        return fails_for(self.database, self.provider.name, seconds)

    def holds(self, message: Taken) -> bool:
        """Whether it went to this provider, and nobody knows what became of it."""
        return message.in_doubt and message.handed_to == self.provider.name

    def reaches(self, message: Taken, contact: Contact | AddressedLink) -> bool:
        """Whether they have a phone and the provider has words for it."""
        if not isinstance(message, Claimed | ClaimedAnnouncement) or not isinstance(contact, Contact):
            return False
        language = "en" if contact.language.lower().startswith("en") else "zh"
        to = (contact.phone or "").startswith(self.prefixes)
        return to and self.provider.carries(message.kind, language)

    def compose(self, message: Taken, contact: Contact | AddressedLink) -> Letter:
        """Its text."""
        if isinstance(message, ClaimedAnnouncement) and isinstance(contact, Contact):
            said = announced_text(message, contact, self.provider.signs)
            return Letter(message, said.to, said, MadeWith())
        if not isinstance(message, Claimed) or not isinstance(contact, Contact):
            raise TypeError("only messages about a registration and announcements go by SMS")
        made = self.texts.compose(message, contact)
        return Letter(message, made.text.to, made.text, MadeWith() if self.provider.rewords else made.made_with)

    @contextmanager
    def open(self) -> Iterator["SmsLine"]:
        """One connection for a batch: none that the provider may have closed since is used again."""
        if time.monotonic() < self.rests_until:
            raise Unavailable("the SMS provider rests after a failure")
        with session() as http:
            line = SmsLine(self, http)
            try:
                yield line
            except Unavailable as error:
                self._fail(line, str(error))
                raise
        if line.lost:
            self.avoided_until = time.monotonic() + AVOIDED
            self._fail(line, "it does not answer")
        elif line.answered:
            self.failures, self.avoided_until = 0, 0.0
            tell(self.database, self.provider.name, None)

    def _fail(self, line: "SmsLine", reason: str) -> None:
        before = 0 if line.answered else self.failures
        rest = max(RESTS_PER_WAIT * line.waited, servers.RESTS[min(before, len(servers.RESTS) - 1)])
        self.rests_until, self.failures = time.monotonic() + rest, before + 1
        tell(self.database, self.provider.name, reason)


@dataclass
class SmsLine:
    """A session with the provider. `answered`: it said something about one at least. `waited`: seconds for its last
    answer, or for none."""

    channel: Sms
    http: requests.Session

    lost: bool = False
    answered: bool = False
    waited: float = 0.0

    @property
    def provider(self) -> str:
        """With whom."""
        return self.channel.provider.name

    def send(self, letter: Letter) -> Verdict:
        """Commit that it is handed over, hand it over, or find out what became of it when it was before."""
        channel, message = self.channel, letter.message
        provider, to_key = channel.provider, key_of_number(channel.box, letter.to)
        handed = hand_over(channel.database, message, channel.name, provider.name, to_key)
        if handed is None:
            return ENOUGH
        if message.in_doubt and handed.to_key not in (None, to_key):
            return ELSEWHERE
        began = time.monotonic()
        try:
            if message.in_doubt:
                settled = provider.settle(self.http, handed.id, letter.content, handed.since, handed.age)
                verdict = settled or self._again(letter, handed.id)
            else:
                verdict = provider.send(self.http, handed.id, letter.content)
        finally:
            self.waited = time.monotonic() - began
        self.lost = verdict.outcome is Outcome.UNKNOWN
        self.answered = self.answered or not (self.lost or verdict.unsure)
        return verdict

    def _again(self, letter: Letter, hand_over_id: str) -> Verdict:
        """Under the same id, for it surely never arrived. Where it does not now either, any provider may take it."""
        hand_over_again(self.channel.database, letter.message)
        try:
            return self.channel.provider.send(self.http, hand_over_id, letter.content)
        except Unavailable:
            take_back(self.channel.database, letter.message)
            raise
