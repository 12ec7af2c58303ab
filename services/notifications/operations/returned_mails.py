"""Read the mailbox to which mails come back.

A report is deleted there after what it says was kept: one that is read twice changes nothing. Whatever else lies in it
stays: it may be what somebody answered.
"""

from dataclasses import dataclass, field

from services.common.database import Database
from services.common.logs import get_logger
from services.notifications.mail.bounces import read_report
from services.notifications.mail.mailbox import Mailbox, MailboxUnavailable, UnreadableMail
from services.notifications.operations.mail_receipts import keep_reports
from services.notifications.operations.providers import tell

log = get_logger(__name__)


@dataclass
class ReturnedMails:
    """The mailbox, and which of its mails are no reports: those are read once, and again after a restart."""

    database: Database
    mailbox: Mailbox
    mail_domain: str
    letters: set[str] = field(default_factory=set)

    def read(self) -> bool:
        """Keep what the reports say; returns whether there were any. While it cannot be read operators see why. A mail
        that cannot be read keeps nobody from those behind it: anybody may write here."""
        try:
            count = self._read()
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
        return count > 0

    def _read(self) -> int:
        count = 0
        with self.mailbox.open() as opened:
            for number, name, raw in opened.mails(self.letters):
                found = read_report(raw, self.mail_domain)
                keep_reports(self.database, found)
                if found:
                    opened.delete(number)
                    count += 1
                else:
                    self.letters.add(name)
        return count
