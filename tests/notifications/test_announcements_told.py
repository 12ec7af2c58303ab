"""How an announcement comes to people: at its time, by SMS for who reads no mail, and as the preview showed it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from apiflask import APIFlask
from pydantic import SecretStr

from services.common.auth import STAFF_COOKIE
from services.common.database import Database
from services.notifications.app import make_app
from services.notifications.operations.deliver import Postman, make_postman
from services.notifications.settings import Settings
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import GatewayStandIn
from tests.notifications.story import Story
from tests.notifications.test_announcements import (  # noqa: F401
    BODY,
    ENGLISH,
    WORDS,
    Desk,
    Rows,
    goes_out,
    settings,
    site,
    states,
    works,
)

PHONE = "+8613800001234"


def test_who_reads_no_mail_gets_an_sms_that_says_what_the_subject_says(
    site: Desk,
    settings: Settings,
    database: Database,
    story: Story,
    contacts: Contacts,
    sink: FaultySink,
    gateway: GatewayStandIn,
    rows: Rows,
) -> None:
    person = story.person("p@example.org", phone=PHONE)
    contacts.people[str(person)]["email"] = None
    story.person("q@example.org", phone="+8613800005678")
    site.submitted(2)
    goes_out(make_postman(settings.model_copy(update={"sms_url": SecretStr(gateway.url())}), database))
    [sms] = gateway.to(PHONE)
    assert "赛马场站本周停水" in sms.told["text"] and "http" not in sms.told["text"]
    assert sms.told["text"].endswith("拒收请回复R")
    assert len(sink.kept) == 1 and states(rows) == {"sent": 2}
    assert rows("SELECT channel FROM messages ORDER BY channel") == [("mail",), ("sms",)]


def test_it_goes_at_its_time_and_not_before(
    site: Desk,
    story: Story,
    postman: Postman,
    sink: FaultySink,
    rows: Rows,
) -> None:
    story.person("p@example.org")
    later = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    made = site.submitted(1, send_at=later)
    goes_out(postman)
    assert (sink.kept, states(rows)) == ([], {}) and made["state"] == "scheduled"
    rows("UPDATE announcements SET send_at = now() - interval '1 second'")
    goes_out(postman)
    assert len(sink.kept) == 1
    late = site.expect(201, "POST", "", BODY | {"send_at": (datetime.now(UTC) - timedelta(minutes=1)).isoformat()})
    answer = site.expect(422, "POST", f"/{late['id']}/submit", {"people": 1}, late["version"])
    assert answer["errors"][0]["field"] == "send_at"


def test_quiet_hours_are_told_from_the_draft_on(
    site: Desk, works: Callable[..., Desk], story: Story, postman: Postman, sink: FaultySink
) -> None:
    here = datetime.now(ZoneInfo("Asia/Shanghai"))
    ends = here.replace(second=0, microsecond=0) + timedelta(hours=2)
    story.save_site(quiet=(f"{here - timedelta(hours=1):%H:%M}", f"{ends:%H:%M}"))
    for number in range(2):
        story.person(f"p{number}@example.org")
    made = site.expect(201, "POST", "", BODY)
    page = f"/staff/announcements/{made['id']}"

    def told() -> tuple[datetime, str]:
        shown = works().client.get(page, headers={"Accept-Language": "zh"}).text
        return datetime.fromisoformat(site.expect(200, "GET", f"/{made['id']}")["quiet_until"]), shown

    until, draft = told()
    assert until == ends and f"{ends:%H:%M} 后才会发出" in draft
    site.expect(200, "POST", f"/{made['id']}/submit", {"people": 2}, made["version"])
    goes_out(postman)
    until, sending = told()
    assert (
        (until, sink.kept) == (ends, []) and "还没发：2（安静时段，" in sending and f"{ends:%H:%M} 后发出）" in sending
    )
    [listed] = site.expect(200, "GET", "")["items"]
    assert listed["quiet_until"] is not None
    story.save_site()
    assert site.expect(200, "GET", f"/{made['id']}")["quiet_until"] is None, "paced or put off for another reason"


def test_the_preview_counts_the_words_by_which_an_sms_is_refused(
    works: Callable[..., Desk], settings: Settings, contacts: Contacts, gateway: GatewayStandIn
) -> None:
    by_sms = {"sms_url": SecretStr(gateway.url()), "sms_price": Decimal("0.05")}
    staff = works()
    staff.client = make_app(settings.model_copy(update=by_sms)).test_client()
    staff.client.set_cookie(STAFF_COOKIE, *contacts.sessions)
    sms = staff.expect(200, "POST", "/preview", WORDS)["sms"]
    assert sms["text"].endswith("拒收请回复R") and sms["characters"] == len(sms["text"])
    assert (sms["segments"], sms["cost"]) == (1, "0.05")
    page = staff.client.post("/staff/announcements/preview", data=WORDS, headers=staff.headers).text
    assert sms["text"] in page and "charged as 1 SMS" in page and "It costs 0.05 yuan." in page


def test_the_preview_of_nothing_scolds_nobody_and_faults_name_their_field(works: Callable[..., Desk]) -> None:
    staff = works()

    def preview(**typed: str) -> str:
        page: str = staff.client.post("/staff/announcements/preview", data=typed, headers=staff.headers).text
        return page.partition("<main>")[2]

    assert "wrong" not in preview(subject_zh=" ", text_zh="") and "What you write" in preview()
    assert "<li" in preview(subject_zh="停水") and "Text in Chinese: " in preview(subject_zh="停水")


def test_what_the_preview_shows_is_what_comes(
    app: APIFlask,
    site: Desk,
    story: Story,
    contacts: Contacts,
    postman: Postman,
    sink: FaultySink,
) -> None:
    chinese, english = (
        site.expect(200, "POST", "/preview", WORDS | ENGLISH | {"language": one}) for one in ("zh", "en")
    )
    assert english["subject"] == "No water at Saimachang" and chinese["sms"] is None, "there is no provider of SMS"
    assert site.call("POST", "/preview", WORDS | {"text_zh": "{{活动}}"}).status_code == 422, "as when it is saved"
    person = story.person("p@example.org")
    site.submitted(1)
    goes_out(postman)
    [kept] = sink.kept
    assert kept.mail["Subject"] == chinese["subject"]
    name = contacts.people[str(person)]["name"]
    said = [line for line in chinese["text"].splitlines() if "停水" in line or "询问" in line]
    came = kept.mail.get_body(("plain",)).get_content()
    assert said and all(line.split("，")[-1] in came for line in said) and name in came
