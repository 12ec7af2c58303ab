"""Reads what the books are done from: rows as the databases' superuser, mails from the sink's folder, reports."""

from collections.abc import Mapping
from email import policy
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
from cryptography.fernet import Fernet, MultiFernet
from psycopg.rows import class_row, dict_row

from deploy.local.system import System
from tests.faults.books.material import (
    AnnouncementRow,
    AppliedRow,
    CursorRow,
    DigestRow,
    Endpoint,
    LogEntry,
    Mail,
    Material,
    MessageRow,
    NoticeRow,
    RegistrationRow,
    ReminderRow,
    ReportRow,
    ShiftRow,
    WebhookRow,
    World,
)
from tests.faults.books.recount import recount
from tests.faults.ledger import Ledger

Row = TypeVar("Row")
WANTED = "mails-of-the-wanted-server"
SUBSCRIBERS = ("notifications", "reporting")
REGISTRATIONS = """
SELECT id::text, shift_id::text, person_id::text, site_id::text, status, version, outcome, service_minutes
FROM registrations ORDER BY created_at, id
"""
SHIFTS = """
SELECT id::text, activity_id::text, site_id::text, capacity, confirmed, offered, status, version, starts_at, ends_at
FROM shifts
"""
LOG = """
SELECT partition, sequence, event_id::text, type, aggregate, data, occurred_at
FROM outbox WHERE sequence IS NOT NULL ORDER BY partition, sequence
"""
MESSAGES = """
SELECT id::text, kind, coalesce(registration_id::text, '') AS registration_id, state,
       coalesce(message_id_header, '') AS message_id,
       coalesce(cause_event::text, 'reminder ' || reminder_id || '/' || occurrence, 'notice ' || notice_id,
                'announcement ' || announcement_id, 'approval ' || approval_of || '/' || due_at,
                'digest ' || digest_id, '') AS cause,
       reminder_id, due_at, error, person_id::text, staff_id::text, notice_id, announcement_id::text, channel,
       site_id::text, chat_id::text, digest_id,
       ARRAY(SELECT outcome FROM deliveries WHERE message_id = messages.id ORDER BY id) AS tries,
       coalesce((SELECT json_agg(json_build_object('outcome', outcome, 'channel', channel,
                        'began', extract(epoch FROM started_at), 'ended', extract(epoch FROM ended_at)) ORDER BY id)
                 FROM deliveries WHERE message_id = messages.id), '[]') AS attempts
FROM messages ORDER BY number
"""
NOTICES = "SELECT id, shift_id::text, kind, rule, due_at, state, reason FROM notices ORDER BY id"
WEBHOOKS = """
SELECT id::text, endpoint_id::text, event_id::text, state, error,
       ARRAY(SELECT outcome FROM webhook_attempts WHERE delivery_id = webhook_deliveries.id ORDER BY id) AS tries
FROM webhook_deliveries ORDER BY number
"""
REPORTS = """
SELECT message_id::text, event, permanent, extract(epoch FROM applied_at)::float AS applied_at
FROM mail_receipts ORDER BY number
"""
DIGESTS = "SELECT id, site_id::text, day, due_at, state, reason FROM digests ORDER BY id"
ANNOUNCEMENTS = "SELECT id::text, site_id::text, state, created_by, approved_by, written FROM announcements"
ENDPOINTS = "SELECT id::text, site_id::text, created_at FROM webhook_endpoints ORDER BY number"
REMINDERS = "SELECT id, registration_id::text, rule, due_at, state, occurrence, of_status FROM reminders"
APPLIED = "SELECT partition, sequence, event_id::text FROM applied ORDER BY id"
CURSORS = "SELECT partition, epoch::text, sequence, halted FROM cursors"
PARKED = "SELECT aggregate, partition, sequence, error FROM parked ORDER BY partition, sequence"
COPIES = "SELECT id::text, status FROM registrations"
FACTS = "SELECT registration_id::text AS id, version, status, outcome, service_minutes FROM facts"


class Database:
    """One of the three databases, as superuser: row-level security hides nothing."""

    def __init__(self, admin_url: str, name: str) -> None:
        url = urlunsplit(urlsplit(admin_url)._replace(path=f"/{name}"))
        self._connection = psycopg.connect(url, autocommit=True, connect_timeout=5)

    def rows(self, kind: type[Row], query: str) -> list[Row]:
        """Rows as objects of a dataclass."""
        return self._connection.cursor(row_factory=class_row(kind)).execute(query).fetchall()

    def dicts(self, query: str) -> list[dict[str, Any]]:
        """Rows as dictionaries."""
        return self._connection.cursor(row_factory=dict_row).execute(query).fetchall()

    def value(self, query: str) -> Any:
        """The one value of the one row."""
        row = self._connection.execute(query).fetchone()
        return row[0] if row else None


def collect(system: System, ledger: Ledger, world: World) -> Material:
    """Everything, as of now."""
    at = {name: Database(system.postgres.admin_url, name) for name in ("registration", *SUBSCRIBERS)}
    producer, notifications = at["registration"], at["notifications"]
    return Material(
        ledger=ledger,
        taken_at=notifications.value("SELECT now()"),
        epoch=producer.value("SELECT epoch::text FROM event_log"),
        unsequenced=producer.value("SELECT count(*) FROM outbox WHERE sequence IS NULL"),
        log_heads={row["partition"]: row["sequence"] for row in producer.dicts("SELECT * FROM log_heads")},
        log=producer.rows(LogEntry, LOG),
        registrations={row.id: row for row in producer.rows(RegistrationRow, REGISTRATIONS)},
        shifts={row.id: row for row in producer.rows(ShiftRow, SHIFTS)},
        person_names=_names(producer, system.secrets),
        applied={name: at[name].rows(AppliedRow, APPLIED) for name in SUBSCRIBERS},
        cursors={name: at[name].rows(CursorRow, CURSORS) for name in SUBSCRIBERS},
        parked={name: [str(row) for row in at[name].dicts(PARKED)] for name in SUBSCRIBERS},
        copies=notifications.dicts(COPIES),
        facts=at["reporting"].dicts(FACTS),
        messages=notifications.rows(MessageRow, MESSAGES),
        reminders={row.id: row for row in notifications.rows(ReminderRow, REMINDERS)},
        notices=notifications.rows(NoticeRow, NOTICES),
        webhooks=notifications.rows(WebhookRow, WEBHOOKS),
        endpoints=notifications.rows(Endpoint, ENDPOINTS),
        announcements=notifications.rows(AnnouncementRow, ANNOUNCEMENTS),
        reports=notifications.rows(ReportRow, REPORTS),
        digests=notifications.rows(DigestRow, DIGESTS),
        world=world,
        mails=[read_mail(file) for folder in mail_folders(system) for file in sorted(folder.glob("*.eml"))],
        recounts=recount(
            system.urls["reporting"],
            system.operator_key,
            [row["id"] for row in producer.dicts("SELECT id::text FROM sites")],
            producer.dicts,
        ),
    )


UNDECIDED = """
SELECT (SELECT count(*) FROM notices WHERE state = 'pending' AND due_at <= now())
     + (SELECT count(*) FROM webhook_deliveries WHERE state IN ('pending', 'sending'))
     + (SELECT count(*) FROM announcements WHERE state IN ('scheduled', 'sending'))
     + (SELECT count(*) FROM receipts WHERE applied_at IS NULL)
     + (SELECT count(*) FROM mail_receipts WHERE applied_at IS NULL)
     + (SELECT count(*) FROM digests WHERE state = 'pending' AND due_at <= now())
"""


def undecided(system: System) -> list[str]:
    """What no service's figures count: notices and digests that are due, webhooks that wait for their next attempt,
    receipts and reports."""
    try:
        count = Database(system.postgres.admin_url, "notifications").value(UNDECIDED)
    except psycopg.Error as error:
        return [f"notifications' database: {type(error).__name__}"]
    return [f"notifications: {count} notices, digests, webhooks, announcements, receipts undecided"] if count else []


def mail_folders(system: System) -> list[Path]:
    """Where mails lie: those that the wanted server took, and those that went to the other one."""
    return [system.data / WANTED, system.mails]


def _names(producer: Database, secrets: Mapping[str, str]) -> dict[str, str]:
    cipher = MultiFernet([Fernet(key) for key in secrets["PERSONAL_DATA_KEYS"].split(",")])
    rows = producer.dicts("SELECT DISTINCT ON (person_id) person_id::text AS id, name FROM person_sites")
    return {row["id"]: cipher.decrypt(bytes(row["name"])).decode() for row in rows}


def read_mail(file: Path) -> Mail:
    """One file of the sink; its name says when it came."""
    with file.open("rb") as content:
        message = BytesHeaderParser(policy=policy.default).parse(content)
    return Mail(
        file=file.name,
        message_id=str(message.get("Message-ID", "")).strip(),
        to=str(message.get("X-Envelope-To", "")),
        subject=str(message.get("Subject", "")),
        request_id=str(message.get("X-Request-Id", "")),
        received_at=int(file.stem.partition("-")[2]) / 1000,
    )
