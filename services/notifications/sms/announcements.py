"""An announcement in an SMS: what the mail's subject says, and where to ask. Its text has no room in two segments."""

from services.notifications.contacts import Contact
from services.notifications.mail.announcements import announcing
from services.notifications.operations.claims.announcements import ClaimedAnnouncement
from services.notifications.sms import Text
from services.notifications.sms.words import FACTS, fact
from services.notifications.wording.builtin import put
from services.notifications.wording.fitting import fitted, signature


def announced_text(message: ClaimedAnnouncement, contact: Contact, signed: bool) -> Text:
    """The SMS, for whoever has a phone. `signed`: the provider puts who writes before it."""
    said = announcing(message, contact)
    subject = said.subject.rstrip("。.！!")
    values = {**said.values, "title": subject, "start": "", "place": "", "role": "", "until": ""}
    words = fitted(put(said.language, "announcement", "sms"), values)
    facts = values | {"site": values["site_short"]}
    return Text(
        to=contact.phone or "",
        kind=message.kind,
        language=said.language.value,
        words=("" if signed else signature(values)) + words,
        facts={name: fact(name, facts[name], said.language) for name in FACTS},
    )
