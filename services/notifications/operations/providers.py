"""Which providers fail just now, for operators to see: told when that changes, by whoever notices."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from services.common.database import EVERY_SITE, Database
from services.notifications.settings import Settings

SOURCE = "registration"
"""By what name registration is kept among them: nothing goes out while it does not say to whom."""

FAILS = text("""
    INSERT INTO providers AS p (name, failing_since, reason) VALUES (:name, now(), :reason)
    ON CONFLICT (name) DO UPDATE
    SET failing_since = coalesce(p.failing_since, now()), reason = excluded.reason, told_at = now()
""")
WORKS = text("""
    UPDATE providers SET failing_since = NULL, reason = '', told_at = now()
    WHERE name = :name AND failing_since IS NOT NULL
""")
FAILS_FOR = text("""
    SELECT EXISTS (SELECT FROM providers
                   WHERE name = :name AND failing_since <= now() - make_interval(secs => :seconds))
""")
FORGET = text("DELETE FROM providers WHERE name <> ALL(:named)")


@dataclass(frozen=True)
class Carrier:
    """A mail server or a provider of SMS that the settings name. `per_minute`: what it takes, 0 for any number; those
    of mail share it."""

    channel: str
    name: str
    per_minute: int


@dataclass(frozen=True)
class CarrierNow:
    """How one is just now; `failing_since` is None for one that works, or was never needed."""

    carrier: Carrier
    failing_since: datetime | None


def carriers(settings: Settings) -> list[Carrier]:
    """All of them, of each channel the wanted one first."""
    mail = [Carrier("mail", server.name, settings.mail_rate) for server in settings.mail_servers]
    return mail + [Carrier("sms", name, rate) for name, rate in settings.sms_rates.items()]


def tell(database: Database, name: str, reason: str | None) -> None:
    """Keep that a provider fails, and why; or, without a reason, that it works again."""
    with database.transaction(EVERY_SITE) as session:
        if reason is None:
            session.execute(WORKS, {"name": name})
        else:
            session.execute(FAILS, {"name": name, "reason": reason[:300]})


def fails_for(database: Database, name: str, seconds: float) -> bool:
    """Whether it has failed for so long, as whichever process told first."""
    with database.transaction(EVERY_SITE) as session:
        return bool(session.scalar(FAILS_FOR, {"name": name, "seconds": seconds}))


def forget_providers(database: Database, settings: Settings) -> int:
    """Forget those that the settings name no more, which would fail for good; returns how many."""
    returned_to = [settings.returned_to.name] if settings.returned_to else []
    named = [SOURCE, *returned_to, *(one.name for one in carriers(settings))]
    with database.transaction(EVERY_SITE) as session:
        return session.execute(FORGET, {"named": named}).rowcount  # type: ignore[attr-defined]


def failing(database: Database) -> Sequence[Row[Any]]:
    """Those that fail, the longest first."""
    query = "SELECT name, failing_since, reason FROM providers WHERE failing_since IS NOT NULL ORDER BY failing_since"
    with database.transaction(EVERY_SITE) as session:
        return session.execute(text(query)).all()


def as_they_are(carriers: Sequence[Carrier], fails: Sequence[Row[Any]]) -> list[CarrierNow]:
    """Each with what `failing` says of it."""
    since = {row.name: row.failing_since for row in fails}
    return [CarrierNow(one, since.get(one.name)) for one in carriers]
