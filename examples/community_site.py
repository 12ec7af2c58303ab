"""A community site at work, through the public API alone: `make demo`, or `python -m examples.community_site`.

About a hundred people sign up for a blood drive at once. Some wait, some cancel, the waitlist moves up, a table gets
another place; mails arrive, reminders fall due, volunteers are checked in and out, a few do not come. At the end the
site's participation report is compared, figure for figure, with what this program itself counted (`books.py`).

Takes about two and a half minutes, most of which is waiting for the shift to begin. Exit code 1: something differs.

It finds a system started by `make run` by itself; for any other set REGISTRATION_URL, NOTIFICATIONS_URL, REPORTING_URL,
OPERATOR_KEY, and MAIL_URL where a mail sink has a page. Behind the gateway: REGISTRATION_URL=http://localhost:8080/registration
"""

import sys
import time
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import requests

from examples import whereabouts
from examples.books import Books
from examples.client import Client, Refused
from examples.demo_data import make_areas
from examples.people import invent
from examples.programme import SUBDISTRICT, ZONE

PEOPLE = 100
TABLES = 6
PLACES = 12
AT_ONCE = 32
# Reminders fall due a minute before the shift: 20 seconds from now, when sign-ups and cancellations are over.
STARTS_IN = timedelta(seconds=80)
REMINDER_MINUTES = 1
MAIL_PATIENCE = 60

Given = TypeVar("Given")
Got = TypeVar("Got")


class Differs(Exception):
    """The system says something else than our books."""


def main() -> int:
    """The exit code."""
    try:
        demonstrate(whereabouts.find())
    except (whereabouts.NotRunning, Differs, Refused, requests.RequestException) as error:
        print(f"\n✗ {error}", file=sys.stderr)
        return 1
    return 0


def demonstrate(where: whereabouts.Whereabouts) -> None:
    """The whole story."""
    site = open_site(Client(where.registration, where.operator_key))
    registration = Client(where.registration, site["key"])
    notifications = Client(where.notifications, site["key"])
    reporting = Client(where.reporting, site["key"])
    await_key(notifications, "/v1/messages")
    await_key(reporting, "/v1/reports/participation", **these_days())
    books = Books()

    tables = publish_blood_drive(registration, books)
    clinic = publish_eye_clinic(registration, books)
    sign_up_everybody(registration, books, tables, clinic)
    some_cancel(registration, books, tables)
    first_table_grows(registration, books, tables[0])
    compare_waitlists(registration, books)
    ensure_before_reminders(tables)
    await_mails(notifications, where.mails, books, with_reminders=False)
    await_mails(notifications, where.mails, books, with_reminders=True)
    take_attendance(registration, books, tables)
    # Once more: has anybody been sent anything else meanwhile?
    await_mails(notifications, where.mails, books, with_reminders=True)
    compare_report(reporting, books)


# -- the site and what it offers -------------------------------------------------------------------------------------


def open_site(operator: Client) -> dict[str, Any]:
    """What the operator does once for a new community: a place in the tree of areas, the site, its key."""
    make_areas(operator)
    opened = datetime.now(ZONE).strftime("%m-%d %H:%M:%S")
    site = operator.create(
        "/v1/sites",
        {"area": SUBDISTRICT.code, "name_zh": f"示范站点 {opened}", "name_en": f"Demo site {opened}"},
    )
    # At night people are left in peace. This runs at any hour, and its reminders fall due while you watch.
    awake = {"quiet_from": "00:00", "quiet_until": "00:00"}
    operator.edit(f"/v1/sites/{site['id']}/settings", site["version"], awake)
    # The key is shown in this answer and never again: a real site stores it like a password.
    key = operator.create(f"/v1/sites/{site['id']}/keys", {"label": "community_site.py"})["key"]
    say("新站点及其密钥", f"a new site and its key: {site['name_en']}")
    return {**site, "key": key}


def await_key(service: Client, path: str, **query: Any) -> None:
    """A new key travels to the other services as an event. For a moment they do not know it yet, and answer 401."""
    deadline = time.monotonic() + 30
    while True:
        try:
            service.get(path, **query)
            return
        except Refused as refused:
            if refused.status != 401 or time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def publish_blood_drive(site: Client, books: Books) -> list[dict[str, Any]]:
    """A shift per table, all at the same time; the people are volunteers, so their time counts as service."""
    starts_at = (datetime.now(ZONE) + STARTS_IN).replace(microsecond=0)
    drive = site.create(
        "/v1/activities",
        {
            "kind": "blood_drive",
            "title_zh": "我为青春献热血",
            "title_en": "Give Blood for Youth",
            "place": "赛马场区域党群服务中心广场",
            "volunteering": True,
            "risks_zh": "献血后请休息十五分钟；如感不适，请立即告知现场医护人员。",
            "risks_en": "Rest for fifteen minutes after giving blood, and tell the medical staff if you feel unwell.",
            "reminder_minutes": [REMINDER_MINUTES],
        },
    )
    tables = []
    for number in range(1, TABLES + 1):
        shift = {
            "starts_at": starts_at.isoformat(),
            "ends_at": (starts_at + timedelta(minutes=15)).isoformat(),
            "capacity": PLACES,
            "role_zh": f"{number}号采血台志愿者",
            "role_en": f"volunteer at table {number}",
        }
        tables.append(site.create(f"/v1/activities/{drive['id']}/shifts", shift))
        books.open_shift(tables[-1], reminders=1)
    # Until now it was a draft that nobody could sign up for; this opens it with all its shifts.
    site.act(f"/v1/activities/{drive['id']}/publish")
    say("发布献血活动", f"a blood drive with {TABLES} tables of {PLACES}, starting at {starts_at:%H:%M:%S}")
    return tables


def publish_eye_clinic(site: Client, books: Books) -> dict[str, Any]:
    """A second activity for some of the same people: the report counts them once, however often they come."""
    starts_at = (datetime.now(ZONE) + timedelta(minutes=30)).replace(microsecond=0)
    clinic = site.create(
        "/v1/activities",
        {
            "kind": "clinic",
            "title_zh": "免费眼科义诊",
            "title_en": "Free Eye Clinic",
            "place": "赛马场区域党群服务中心",
            "reminder_minutes": [],
        },
    )
    times = {"starts_at": starts_at.isoformat(), "ends_at": (starts_at + timedelta(hours=1)).isoformat()}
    shift = site.create(f"/v1/activities/{clinic['id']}/shifts", {**times, "capacity": 20})
    site.act(f"/v1/activities/{clinic['id']}/publish")
    books.open_shift(shift, reminders=0)
    return shift


# -- sign-ups ----------------------------------------------------------------------------------------------------------


def sign_up_everybody(site: Client, books: Books, tables: list[dict[str, Any]], clinic: dict[str, Any]) -> None:
    """A hundred at once on the tables; afterwards ten of them come to the clinic too."""
    people = invent(PEOPLE)

    def sign_up(number: int) -> Any:
        table = tables[number % TABLES]
        return site.create(f"/v1/shifts/{table['id']}/registrations", {"person": people[number]})

    began = time.monotonic()
    answers = at_once(sign_up, range(PEOPLE))
    took = time.monotonic() - began
    for answer in answers:
        books.sign_up(answer)
    check_positions(books)
    waiting = sum(len(books.waiting(table["id"])) for table in tables)
    say("百人同时报名", f"{PEOPLE} sign-ups in {took:.1f} s: {PEOPLE - waiting} confirmed, {waiting} on the waitlist")

    # Somebody whom the site knows is named by id; their details are not sent again.
    for answer in answers[:10]:
        books.sign_up(site.create(f"/v1/shifts/{clinic['id']}/registrations", {"person_id": answer["person_id"]}))
    say("十人又报义诊", "10 of them sign up for the eye clinic too")


def check_positions(books: Books) -> None:
    """Full before anybody waits, and the waitlist counts 1, 2, 3 … without a gap."""
    for shift in books.shifts.values():
        positions = [entry.position for entry in books.waiting(shift.id)]
        if positions != list(range(1, len(positions) + 1)):
            raise Differs(f"waitlist positions of shift {shift.id}: {positions}")
        if len(books.confirmed(shift.id)) > shift.capacity or (
            positions and len(books.confirmed(shift.id)) < shift.capacity
        ):
            raise Differs(f"shift {shift.id} has {shift.capacity} places, {len(books.confirmed(shift.id))} confirmed")


def some_cancel(site: Client, books: Books, tables: list[dict[str, Any]]) -> None:
    """At every table somebody who waits gives up; then, at once, two who had a place cancel, and two move up."""
    for gone in (
        [books.waiting(table["id"])[1] for table in tables],
        [entry for table in tables for entry in books.confirmed(table["id"])[:2]],
    ):
        at_once(lambda entry: site.act(f"/v1/registrations/{entry.id}/cancel", {"reason": "person"}), gone)
        for entry in gone:
            books.cancel(entry.id)
    figures = books.figures()
    say("取消与候补递补", f"{figures['cancellations']} cancel, {figures['promotions']} move up from the waitlist")


def first_table_grows(site: Client, books: Books, table: dict[str, Any]) -> None:
    """One more place at the first table: the next one moves up."""
    # Read first: the version says which state the change is meant for. Whoever edits an older one gets 412.
    now = site.get(f"/v1/shifts/{table['id']}")
    site.edit(f"/v1/shifts/{table['id']}", now["version"], {"capacity": PLACES + 1})
    books.raise_capacity(table["id"], PLACES + 1)
    say("增加一个名额", f"table 1 now has {PLACES + 1} places")


def compare_waitlists(site: Client, books: Books) -> None:
    """Did exactly those move up who were next?"""
    for shift in books.shifts.values():
        system = {item["id"]: item["status"] for item in site.every(f"/v1/shifts/{shift.id}/registrations")}
        ours = {entry.id: entry.status for entry in books.entries.values() if entry.shift_id == shift.id}
        if system != ours:
            wrong = [f"{key}: {system.get(key)}, not {ours.get(key)}" for key in system | ours
                     if system.get(key) != ours.get(key)]  # fmt: skip
            raise Differs("registrations differ:\n  " + "\n  ".join(wrong))
    say("候补次序逐一核对", "everybody who moved up was next in line")


def ensure_before_reminders(tables: list[dict[str, Any]]) -> None:
    """Who got a place after the reminders fell due is not reminded, and our books would be wrong."""
    due = datetime.fromisoformat(tables[0]["starts_at"]) - timedelta(minutes=REMINDER_MINUTES)
    if datetime.now(UTC) > due:
        raise Differs("all this took so long that reminders fell due meanwhile: the machine is too slow for this demo")


# -- mails -------------------------------------------------------------------------------------------------------------


def await_mails(notifications: Client, mail_url: str | None, books: Books, with_reminders: bool) -> None:
    """Wait until everybody has their mails: so many of each kind for each person, no fewer and no more."""
    expected = books.mails(with_reminders)
    deadline = time.monotonic() + MAIL_PATIENCE
    while True:
        messages = [
            message
            for message in notifications.every("/v1/messages", limit=200)
            if message["state"] == "sent" and (with_reminders or message["kind"] != "reminder")
        ]
        sent = Counter((message["person_id"], message["kind"]) for message in messages)
        if sent >= expected or time.monotonic() > deadline:
            break
        time.sleep(1)
    differing = [f"{person} {kind}: {sent[person, kind]} sent, {expected[person, kind]} expected"
                 for person, kind in sent | expected if sent[person, kind] != expected[person, kind]]  # fmt: skip
    if differing:
        raise Differs("mails differ:\n  " + "\n  ".join(sorted(differing)))
    kinds = Counter(message["kind"] for message in messages)
    say("邮件逐人核对", ", ".join(f"{number} × {kind}" for kind, number in sorted(kinds.items())))
    if mail_url:
        compare_sink(mail_url, [message["id"] for message in messages])


def compare_sink(mail_url: str, message_ids: list[str]) -> None:
    """Each message is in the mail sink: a Message-ID begins with the message's id. (Only a demo system has a sink.)"""
    mails = Client(mail_url, key="").get("/mails.json")
    received = Counter(mail["message_id"].strip("<").partition(".")[0] for mail in mails)
    missing = [message_id for message_id in message_ids if not received[message_id]]
    if missing:
        raise Differs("not in the mail sink:\n  " + "\n  ".join(missing))
    # When a process dies between handing a mail over and noting that, the mail goes out again under the same
    # Message-ID, by which mail programs know it for the same.
    again = sum(received[message_id] - 1 for message_id in message_ids)
    repeated = f", {again} of them again after an interruption" if again else ", once each"
    say("每封都在收件箱中", f"all {len(message_ids)} arrived in the mail sink{repeated}: {mail_url}")


# -- attendance --------------------------------------------------------------------------------------------------------


def take_attendance(site: Client, books: Books, tables: list[dict[str, Any]]) -> None:
    """The last at each table does not come. Time counts from the start of the shift, in whole minutes."""
    starts_at = datetime.fromisoformat(tables[0]["starts_at"])
    absent = [books.confirmed(table["id"])[-1] for table in tables]
    present = [entry for table in tables for entry in books.confirmed(table["id"])[:-1]]
    at_once(lambda entry: site.act(f"/v1/registrations/{entry.id}/check-in"), present)
    say("签到", f"{len(present)} are checked in")

    wait_until(starts_at + timedelta(seconds=61), "等待活动进行一分钟", "until the drive has gone on for a minute")
    at_once(lambda entry: site.act(f"/v1/registrations/{entry.id}/check-out"), present)
    at_once(lambda entry: site.act(f"/v1/registrations/{entry.id}/no-show"), absent)
    for entry in present:
        books.attended(entry.id, service_minutes=1)
    for entry in absent:
        books.no_show(entry.id)
    say("签退", f"{len(present)} are checked out, {len(absent)} did not come")


# -- the report --------------------------------------------------------------------------------------------------------

FIGURES_ZH = {
    "activities": "活动",
    "shifts": "场次",
    "seats": "名额",
    "registrations": "报名",
    "confirmed": "已确认",
    "waitlisted": "候补中",
    "promotions": "递补",
    "cancellations": "取消",
    "attended": "到场",
    "no_shows": "缺席",
    "service_minutes": "服务分钟",
    "people": "人数",
    "people_attended": "到场人数",
}


def compare_report(reporting: Client, books: Books) -> None:
    """Ask for the report once it knows of everything that we did, and put both side by side."""
    done = datetime.now(UTC)
    deadline = time.monotonic() + 30
    while True:
        report = reporting.get("/v1/reports/participation", **these_days())
        if datetime.fromisoformat(report["as_of"]) >= done or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    total, ours = report["total"], books.figures()
    print(f"\n{wide('统计 · Figure', 34)}{'本程序 · Counted':>16}{'系统 · Report':>16}\n" + "-" * 66)
    for name, number in ours.items():
        mark = "" if total[name] == number else "   ✗"
        print(f"{wide(f'{FIGURES_ZH[name]} · {name}', 34)}{number:>18}{total[name]:>18}{mark}")
    wrong = [name for name, number in ours.items() if total[name] != number]
    if wrong:
        raise Differs(f"the report of {report['as_of']} differs in: {', '.join(wrong)}")
    print("\n✓ 完全一致 · the report and this program agree in every figure")


def these_days() -> dict[str, str]:
    """A day to each side: around midnight the clinic's day is not the drive's. A new site has nothing else in them."""
    today = datetime.now(ZONE).date()
    return {"from": str(today - timedelta(days=1)), "to": str(today + timedelta(days=1))}


# -- small things ------------------------------------------------------------------------------------------------------


def at_once(do: Callable[[Given], Got], things: Iterable[Given]) -> list[Got]:
    """Do it to all of them, many at the same time; the first error is raised."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        return list(threads.map(do, things))


def wait_until(moment: datetime, chinese: str, english: str) -> None:
    """Sleep, and say every half minute for how long."""
    while (seconds := (moment - datetime.now(UTC)).total_seconds()) > 0:
        say(chinese, f"{seconds:.0f} s {english}")
        time.sleep(min(seconds, 30))


STARTED = time.monotonic()


def say(chinese: str, english: str) -> None:
    """One line of progress."""
    print(f"{time.monotonic() - STARTED:6.1f} s  {chinese} · {english}", flush=True)


def wide(text: str, columns: int) -> str:
    """Padded for a terminal, where a Chinese character takes two columns."""
    return text + " " * (columns - sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text))


if __name__ == "__main__":
    sys.exit(main())
