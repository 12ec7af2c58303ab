"""What it takes to send messages: the contacts' book, the channels, how much each takes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

from services.common.database import Database
from services.common.sealing import Box
from services.notifications.channels import Channel
from services.notifications.channels.chat import Chat
from services.notifications.channels.mail import Mail
from services.notifications.channels.sms import Sms, bucket_of
from services.notifications.contacts import ContactBook
from services.notifications.mail.render import Composer
from services.notifications.mail.servers import MailServers
from services.notifications.mail.unsubscribe import Unsubscribe
from services.notifications.operations.providers import SOURCE, tell
from services.notifications.rates import Allowance
from services.notifications.settings import Settings
from services.notifications.sms import Provider
from services.notifications.sms.words import Texts


@dataclass(frozen=True)
class Postman:
    """`others` are the channels for whom no mail reaches, the preferred first; `allowances` tell by a channel's bucket
    how much it takes, where that is bounded."""

    database: Database
    contacts: ContactBook
    composer: Composer
    servers: MailServers
    domain: str
    box: Box
    chat: Chat
    others: tuple[Channel, ...] = ()
    allowances: Mapping[str, Allowance] = field(default_factory=dict)

    @property
    def mail(self) -> Mail:
        """The channel that everybody has who can be mailed to."""
        return Mail(self.composer, self.servers)

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Each message goes by the first that reaches its person; what is for a group, by the last."""
        return (self.mail, *self.others, self.chat)


def make_postman(settings: Settings, database: Database) -> Postman:
    """The postman of a worker; nothing is connected yet, so it may be made before a fork."""
    way_out = Unsubscribe(settings.box(), settings.pages_of["notifications"])
    return Postman(
        database,
        ContactBook(
            settings.registration_url, settings.notifications_token.get_secret_value(), partial(tell, database, SOURCE)
        ),
        Composer(settings.mail_from, settings.mail_domain, way_out),
        MailServers(settings.mail_servers, settings.mail_domain, partial(tell, database)),
        settings.mail_domain,
        settings.box(),
        Chat(settings.box(), settings.pages_of["registration"]),
        tuple(_sms(settings, database, provider) for provider in settings.sms_providers),
        _allowances(settings),
    )


def _sms(settings: Settings, database: Database, provider: Provider) -> Sms:
    prefixes = tuple(settings.sms_prefixes.split(","))
    return Sms(database, provider, Texts(provider.signs), settings.box(), prefixes)


def _allowances(settings: Settings) -> dict[str, Allowance]:
    broker = settings.broker_url.get_secret_value()
    rates = {"mail": settings.mail_rate} | {bucket_of(name): rate for name, rate in settings.sms_rates.items()}
    return {bucket: Allowance(bucket, rate, broker) for bucket, rate in rates.items() if rate}
