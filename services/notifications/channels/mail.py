"""Mail: for whoever has an address, over one connection to a mail server per batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from services.notifications.channels import Health, Letter, Verdict
from services.notifications.contacts import AddressedLink, Contact, StaffContact
from services.notifications.mail.render import Composer
from services.notifications.mail.servers import MailServers
from services.notifications.mail.smtp import Connection
from services.notifications.operations.claims import Taken
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.operations.claims.approvals import ClaimedApproval
from services.notifications.operations.claims.digests import ClaimedDigest
from services.notifications.operations.claims.links import ClaimedLink
from services.notifications.operations.claims.news import Claimed
from services.notifications.operations.claims.notices import ClaimedNotice


@dataclass(frozen=True)
class Mail:
    """The channel of mails."""

    composer: Composer
    servers: MailServers

    name = "mail"
    bucket = "mail"
    health = Health.WORKS

    def is_out(self, seconds: float) -> bool:
        """Never: mails wait for a mail server, and cost nothing."""
        return False

    def holds(self, message: Taken) -> bool:
        """Never: a mail may be sent twice, under one Message-ID."""
        return False

    def reaches(self, message: Taken, contact: Contact | AddressedLink) -> bool:
        """Whether they have an address."""
        return bool(contact.email)

    def compose(self, message: Taken, contact: Contact | AddressedLink) -> Letter:
        """The whole mail."""
        if isinstance(message, ClaimedAnnouncement):
            made = self.composer.compose_announcement(message, contact)
        elif isinstance(message, Claimed | ClaimedLink):
            made = self.composer.compose(message, contact)
        else:
            raise TypeError("a mail is about a registration, a link or an announcement")
        return Letter(message, contact.email or "", made.mail, made.made_with)

    def compose_notice(self, message: ClaimedNotice, contact: Contact | StaffContact) -> Letter:
        """The whole mail to a leader or a member of staff."""
        made = self.composer.compose_notice(message, contact)
        return Letter(message, contact.email or "", made.mail, made.made_with)

    def compose_approval(self, message: ClaimedApproval, contact: StaffContact) -> Letter:
        """The whole mail that asks a colleague to approve an announcement."""
        made = self.composer.compose_approval(message, contact)
        return Letter(message, contact.email, made.mail, made.made_with)

    def compose_digest(self, message: ClaimedDigest, contact: StaffContact) -> Letter:
        """The whole mail about a day of a site."""
        made = self.composer.compose_digest(message, contact)
        return Letter(message, contact.email, made.mail, made.made_with)

    @contextmanager
    def open(self) -> Iterator["MailLine"]:
        """Raises `Unavailable` where there is no mail server to speak to."""
        with self.servers.connect() as (server, connection):
            yield MailLine(connection, self.composer.address, server.name)


@dataclass(frozen=True)
class MailLine:
    """A connection to the mail server."""

    connection: Connection
    sender: str
    provider: str

    @property
    def lost(self) -> bool:
        """Whether the server has hung up."""
        return self.connection.lost

    def send(self, letter: Letter) -> Verdict:
        """Hand a mail over."""
        return self.connection.send(letter.content, self.sender, letter.to)
