"""Read the mailbox to which mails come back.

A report is deleted there after what it says was kept, one that says nothing final too: one that is read twice changes
nothing. Whatever else lies in it stays: it may be what somebody answered. The newest come first, so that what lies
there keeps no report from being read, also not after a restart, which has forgotten what it saw.
"""

from dataclasses import dataclass, field

from services.common.database import Database
from services.common.logs import get_logger
from services.common.sealing import Box
from services.notifications.mail.bounces import read_report
from services.notifications.mail.mailbox import AT_ONCE, Mailbox, MailboxUnavailable, OpenMailbox, UnreadableMail
from services.notifications.operations.mail_receipts import keep_reports
from services.notifications.operations.providers import tell

log = get_logger(__name__)


@dataclass
class ReturnedMails:
    """The mailbox, and which of the mails that lie in it are no reports: those are read once, and again after a
    restart."""

    database: Database
    box: Box
    mailbox: Mailbox
    mail_domain: str
    letters: set[str] = field(default_factory=set)

    def read(self) -> bool:
        """Keep what the reports say; returns whether there may be more. While it cannot be read operators see why. A
        mail that cannot be read keeps nobody from those behind it: anybody may write here."""
        try:
            count, read = self._read()
        except UnreadableMail as error:
            self.letters.add(error.mail)
            log.warning("returned_mail_unreadable", reason=str(error))
            return True
        except MailboxUnavailable as error:
            tell(self.database, self.mailbox.name, str(error))
            return False
        tell(self.database, self.mailbox.name, None)
        if count:
            log.info("returned_mails_read", reports=count)
        return count > 0 or read == AT_ONCE

    def _read(self) -> tuple[int, int]:
        """How many reports there were, and of how many mails that were read."""
        with self.mailbox.open() as opened:
            listed = opened.listed()
            self.letters &= {name for _, name in listed}
            unread = [one for one in reversed(listed) if one[1] not in self.letters][:AT_ONCE]
            return sum([self._take(opened, number, name) for number, name in unread]), len(unread)

    def _take(self, opened: OpenMailbox, number: int, name: str) -> bool:
        """Keep what one mail says, and delete it; false for one that is no report."""
        reports = read_report(opened.top(number, name), self.mail_domain)
        if reports is None:
            self.letters.add(name)
            return False
        keep_reports(self.database, self.box, reports)
        opened.delete(number)
        return True
