"""The world outside, which misbehaves by a plan drawn from the seed: mail server and who reads the mails, SMS gateway,
sites' receivers, chat groups.

    outside = Outside(seed=7)
    system = System(folder, extra_for={"notifications": outside.environment(smtp_url)})
    outside.settle_in(system.urls["notifications"], scene)     # receivers are registered, receipts have where to go
    outside.calm()                                              # it behaves from now on
    outside.unrest()                                            # what is still to be told, in words

They run in this process, which nobody kills, so that what they remember of what they accepted is the truth. Each has a
deck of faults; every so many requests the next one is played, so that a short run meets them all.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from services.notifications.wording.variables import KINDS, Channel
from tests.faults.announce import ALONE
from tests.faults.books.material import Clicked, Request, SmsTaken, World
from tests.faults.outside.deck import Deck
from tests.faults.outside.digests import set_digests
from tests.faults.outside.groups import GROUP_FAULTS, Groups
from tests.faults.outside.mail import MAIL_FAULTS, MailServer
from tests.faults.outside.readers import SECRETS, Readers
from tests.faults.outside.receivers import RECEIVER_FAULTS, SiteReceiver
from tests.faults.outside.sms import Aliyun, Gateway
from tests.faults.scene import Scene

RECEIPTS_TOKEN = "receipts-of-the-faults-" + "r" * 16


class Outside:
    """All of it. Which SMS provider there is follows from the seed: Alibaba Cloud, a gateway that knows our keys again,
    or one that does not."""

    def __init__(self, seed: int, mails: Path) -> None:
        chance = random.Random(f"outside {seed}")
        self.readers = Readers(chance)
        self.mail = MailServer(mails, Deck(MAIL_FAULTS, 30, chance), self.readers)
        self.groups = Groups(Deck(GROUP_FAULTS, 3, chance))
        self.without_digest, self.settled_at = "", 0.0
        self.sms: Aliyun | Gateway = Gateway(chance, seed % 3 == 2) if seed % 3 else Aliyun(chance)
        self._told, self.settles = _sms_settings(self.sms, seed % 3 == 2)
        self.receivers: dict[str, SiteReceiver] = {}
        self._chance = chance

    def environment(self, other_mail_server: str) -> dict[str, str]:
        """What notifications is told of it. The mail server that misbehaves is the wanted one."""
        return {
            "SMTP_URL": f"{self.mail.url},{other_mail_server}",
            "SMS_RECEIPTS_TOKEN": RECEIPTS_TOKEN,
            "ANNOUNCEMENT_ALONE": str(ALONE),
            "BOUNCES_URL": self.readers.mailbox.url,
            "MAIL_RECEIPTS_SECRETS": ", ".join(SECRETS),
            "BOTS_OF_THE_FAULTS": self.groups.url,
        } | self._told

    def settle_in(self, notifications: str, scene: Scene) -> None:
        """Know where receipts and reports go; have each site told of its events, and of the day to come."""
        self.sms.receipts_to = f"{notifications}/v1/sms/receipts/{RECEIPTS_TOKEN}"
        self.readers.receipts_to = f"{notifications}/v1/mail/receipts"
        for site in scene.sites:
            receiver = SiteReceiver(Deck(RECEIVER_FAULTS, 25, self._chance))
            receiver.register(notifications, site.key)
            self.receivers[site.id] = receiver
        self.groups.register(notifications, scene.sites)
        self.without_digest = set_digests(notifications, scene)
        self.settled_at = time.time()

    def world(self, scene: Scene) -> World:
        """What it remembers, for the books."""
        signed = {one.id: one.site_id for one in scene.colleagues}
        return World(
            sms=[SmsTaken(one.id, one.to, one.at.timestamp()) for one in self.sms.taken],
            receipts={one.id: one.delivered for one in self.sms.receipts.values()},
            settles=self.settles,
            requests={
                one.endpoint: [Request(r.webhook_id, r.event_id, r.answer) for r in one.requests]
                for one in self.receivers.values()
            },
            staff={site.id: {one for one, at in signed.items() if at == site.id} for site in scene.sites},
            leaders={site.id: site.leader for site in scene.sites},
            addresses={one.id: one.email for one in scene.colleagues}
            | {site.leader: site.leader_email for site in scene.sites},
            returned=Counter(self.readers.returned),
            clicks=[Clicked(one.message_id, one.acked_at) for one in self.readers.clicks.values()],
            groups=self.groups.posted,
            without_digest=self.without_digest,
            settled_at=self.settled_at,
            complaints=self.sms.wrong + self.readers.wrong + [
                "somebody's letter was deleted from the mailbox" for _ in range(self.readers.mailbox.lost_letters)
            ] + [
                f"{one.refused} requests to {site} were not signed as they should be"
                for site, one in self.receivers.items() if one.refused
            ],
        )  # fmt: skip

    def calm(self) -> None:
        """The faults are over: only what is wrong with addresses and numbers stays so."""
        for one in (self.mail, self.groups, self.sms, *self.receivers.values()):
            one.deck.end()

    def unrest(self) -> list[str]:
        """What nobody heard yet."""
        untold = {"receipts": self.sms.untold, "reports and refusals": self.readers.untold}
        return [f"outside: {count} {what} not told" for what, count in untold.items() if count]

    @property
    def injected(self) -> Counter[str]:
        """Which faults were met."""
        return sum((Counter(met) for met in self._met()), Counter())

    def _met(self) -> Iterator[Counter[str]]:
        yield Counter({f"mail {what}": count for what, count in self.mail.met.items()})
        yield Counter({f"mail {what}": count for what, count in self.readers.met.items()})
        yield Counter({"mailbox broken off": self.readers.mailbox.broken_off})
        yield Counter({f"group {what}": count for what, count in self.groups.deck.met.items()})
        yield Counter({f"sms {what}": count for what, count in self.sms.met.items()})
        for receiver in self.receivers.values():
            yield Counter({f"receiver {what}": count for what, count in receiver.deck.met.items()})

    def stop(self) -> None:
        """Close everything."""
        self.mail.stop()
        self.readers.end()
        self.groups.stop()
        self.sms.end()
        for receiver in self.receivers.values():
            receiver.stop()


def _sms_settings(provider: Aliyun | Gateway, repeats: bool) -> tuple[dict[str, str], bool]:
    """The provider's settings, and whether it can be found out there what became of an SMS."""
    if isinstance(provider, Gateway):
        return {"SMS_URL": provider.url(*(["repeats=safe"] if repeats else []))}, repeats
    kinds = [kind for kind, known in KINDS.items() if Channel.SMS in known.channels]
    templates = " ".join([*(f"{kind}=SMS_1(title,start)" for kind in kinds), "announcement=SMS_2(title,phone)"])
    return {"SMS_URL": provider.url, "SMS_TEMPLATES": templates}, True
