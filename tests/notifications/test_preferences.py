"""What people want to be told: refused by a click in a mail, by a page, at the desk; and by which channel first."""

import re
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest
from apiflask import APIFlask
from pydantic import SecretStr

from services.common import events
from services.common.auth import RESIDENT_COOKIE, Principal, csrf_token, new_site_key
from services.common.auth import Caller as Kind
from services.common.database import Database
from services.notifications.operations.deliver import Postman, deliver_batch, make_postman
from services.notifications.operations.reminders import fire_due_reminders
from services.notifications.settings import Settings
from tests.notifications.conftest import Contacts
from tests.notifications.sink import FaultySink
from tests.notifications.sms_stand_in import GatewayStandIn
from tests.notifications.story import Story

Rows = Callable[..., list[Any]]
Fates = "SELECT kind, state, error FROM messages WHERE kind <> 'confirmation' ORDER BY number"


def remind(
    story: Story, database: Database, rows: Rows, email: str = "wang@example.org", **more: Any
) -> dict[str, Any]:
    """A registration whose reminder has just become due."""
    facts = story.sign_up(story.opening(timedelta(hours=30), reminder_minutes=[60]), email, **more)
    rows("UPDATE reminders SET due_at = now() WHERE state = 'pending'")
    fire_due_reminders(database)
    return facts


def sent(postman: Postman, sink: FaultySink) -> list[EmailMessage]:
    while deliver_batch(postman):
        pass
    return [kept.mail for kept in sink.kept]


def way_out(mail: EmailMessage) -> str:
    return re.sub("^https?://[^/]+", "", str(mail["List-Unsubscribe"]).strip("<>"))


def test_a_reminder_has_a_way_out_and_a_confirmation_has_none(
    story: Story, database: Database, postman: Postman, sink: FaultySink, rows: Rows, app: APIFlask
) -> None:
    remind(story, database, rows)
    confirmation, reminder = sent(postman, sink)
    assert confirmation["List-Unsubscribe"] is None
    assert reminder["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert re.search(rb"\r\nList-Unsubscribe: <http[^>]+>\r\n", sink.kept[1].raw), "as mail programs read it"
    path = way_out(reminder)
    for kind in ("plain", "html"):
        body = reminder.get_body((kind,))
        assert body is not None and path in body.get_content() and "退订" in body.get_content()
    client = app.test_client()
    assert "退订" in client.get(path).text
    assert rows("SELECT * FROM preferences") == [], "whoever follows the link has refused nothing yet"
    page = client.post(path, data={"List-Unsubscribe": "One-Click"}).text
    undo = re.findall(r'name="undo" value="([^"]+)"', page)[0]
    assert "undo" not in client.post(path, data={"List-Unsubscribe": "One-Click"}).text, "again changes nothing"
    used = client.get(path).text
    assert "已退订" in used and "不再接收" not in used and "/my/messages/settings" in used, "nor is it asked again"
    assert rows("SELECT refused, version FROM preferences") == [(["reminder.mail", "reminder.sms"], 1)]
    remind(story, database, rows, "again@example.org")
    again = rows("SELECT person_id FROM preferences")[0].person_id
    rows("UPDATE messages SET person_id = :id", id=again)
    rows("UPDATE registrations SET person_id = :id", id=again)
    assert len(sent(postman, sink)) == 3, "the second confirmation, and no second reminder"
    assert rows(Fates)[-1] == ("reminder", "suppressed", "refused by the person")
    client.post(f"{path}/again")
    assert rows("SELECT refused FROM preferences") != [([],)], "an old mail does not undo what was refused elsewhere"
    assert client.post(f"{path}/again", data={"undo": undo}).status_code == 200
    assert rows("SELECT refused FROM preferences") == [([],)]
    assert "继续接收" in client.post(f"{path}/again", data={"undo": undo}).text, "pressed twice it is so still"
    client.post(path)
    client.post(f"{path}/again", data={"undo": undo})
    assert rows("SELECT refused FROM preferences") != [([],)], "something was changed since"
    rows("UPDATE preferences SET refused = '{reminder.sms}'")  # as somebody chose on the page of settings
    [undo] = re.findall(r'name="undo" value="([^"]+)"', client.post(path).text)
    client.post(f"{path}/again", data={"undo": undo})
    assert rows("SELECT refused FROM preferences") == [(["reminder.sms"],)], "what was refused before stays so"
    for wrong in (path[:-8], "/unsubscribe/x", "/unsubscribe/é"):
        assert client.post(wrong).status_code == 404


def test_who_got_the_mail_before_the_address_was_another_refuses_nothing(
    story: Story, app: APIFlask, database: Database, contacts: Contacts, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    facts = remind(story, database, rows, "former.guardian@example.org")
    old_mail, client = way_out(sent(postman, sink)[1]), app.test_client()
    known = contacts.people[str(facts["person_id"])]
    for address in ("grown.up@example.org", None):
        known["email"] = address
        assert "没有更改" in client.post(old_mail, data={"List-Unsubscribe": "One-Click"}).text
        assert rows("SELECT * FROM preferences") == []
    contacts.failing = True
    assert "已退订" in client.post(old_mail).text, "a right that waits for nobody"
    contacts.failing = False
    rows("DELETE FROM preferences")
    known["email"] = "Former.Guardian@example.org"
    assert "已退订" in client.post(old_mail).text
    sealed = f"unsubscribe {facts['person_id'].hex} {story.site_id.hex} no_place"
    known["email"] = "grown.up@example.org"
    assert "已退订" in client.post(f"/unsubscribe/{postman.box.encrypt(sealed).decode()}").text, "of an older mail"


def test_a_merge_carries_refusals_over_and_an_erasure_forgets_them(story: Story, app: APIFlask, database: Database,
                                                                   postman: Postman, sink: FaultySink,
                                                                   rows: Rows) -> None:  # fmt: skip
    facts = remind(story, database, rows)
    old_mail = way_out(sent(postman, sink)[1])
    survivor, merge = uuid4(), uuid4()
    app.test_client().post(old_mail)
    merged = {"merge_id": merge, "person_id": facts["person_id"], "person_number": 1, "into_id": survivor,
              "into_number": 2}  # fmt: skip
    story.tell(events.PersonMerged(**merged))
    of_survivor = "SELECT refused FROM preferences WHERE person_id = :id"
    assert rows(of_survivor, id=survivor) == [(["reminder.mail", "reminder.sms"],)]
    rows("UPDATE preferences SET refused = '{}' WHERE person_id = :id", id=survivor)
    app.test_client().post(old_mail)
    theirs = "the link of an old mail is theirs who the person is now"
    assert rows(of_survivor, id=survivor) == [(["reminder.mail", "reminder.sms"],)], theirs
    rows("UPDATE preferences SET refused = '{}' WHERE person_id = :id", id=survivor)
    story.tell(events.PersonUnmerged(**merged))
    app.test_client().post(old_mail)
    assert rows(of_survivor, id=survivor) == [([],)]
    story.tell(events.PersonErasedAtSite(person_id=survivor, person_number=2, site_id=uuid4()))
    assert rows(of_survivor, id=survivor) == [([],)], "erased at another site"
    story.tell(events.PersonMerged(**merged | {"merge_id": uuid4()}))
    story.tell(events.PersonErased(person_id=survivor))
    assert rows("SELECT * FROM preferences") == []
    assert app.test_client().post(old_mail).status_code == 200
    assert rows("SELECT * FROM preferences") == [], "nothing is kept of whom we forgot"


def test_who_was_merged_into_somebody_merged_later_is_forgotten_with_them(story: Story, rows: Rows) -> None:
    first, second, third = uuid4(), uuid4(), uuid4()
    rows("INSERT INTO preferences (person_id, site_id, quiet_from, quiet_until) VALUES (:id, :id, '21:00', '07:00')",
         id=first)  # fmt: skip
    rows("INSERT INTO calendar_feeds (secret_hash, person_id, holder, proven, language)"
         " VALUES ('x', :id, 'x', 'x', 'zh')", id=first)  # fmt: skip
    for one, into in ((first, second), (second, third)):
        story.tell(events.PersonMerged(merge_id=uuid4(), person_id=one, person_number=1, into_id=into, into_number=2))
    story.tell(events.PersonErased(person_id=third))
    assert rows("SELECT * FROM preferences") == []
    assert rows("SELECT proven FROM calendar_feeds WHERE ended_at IS NOT NULL") == [(None,)]


@pytest.fixture
def resident(app: APIFlask, contacts: Contacts, story: Story) -> Callable[..., Any]:
    """Calls as somebody whose session reaches the story's site."""

    def call(person_id: UUID, method: str, path: str, body: Any = None, form: Any = None, **headers: str) -> Any:
        cookie = f"cookie of {person_id}"
        contacts.sessions[cookie] = {"caller": "person", "name": str(person_id), "session": cookie, "address": "ab"}
        contacts.reached[str(person_id)] = [str(story.site_id)]
        client = app.test_client()
        client.set_cookie(RESIDENT_COOKIE, cookie)
        headers["X-CSRF-Token"] = csrf_token(Principal(Kind.PERSON, "", session=cookie))
        return client.open(path, method=method, json=body, data=form, headers=headers)

    return call


def test_residents_change_what_they_are_told_on_a_page_and_by_api(
    story: Story, resident: Callable[..., Any], rows: Rows, contacts: Contacts
) -> None:
    story.opening()
    person = uuid4()
    page = resident(person, "GET", "/my/messages/settings")
    assert page.status_code == 200 and "赛马场站" in page.text and 'value="reminder.mail"' in page.text
    form = {"wanted": ["announcement.mail"], "quiet_from": "20:00", "quiet_until": "09:30", "version": "0"}
    assert resident(person, "POST", f"/my/messages/settings/{story.site_id}", form=form).status_code == 303
    [own] = resident(person, "GET", "/v1/my/preferences").json["items"]
    assert own == {"site_id": str(story.site_id), "version": 1, "refused": ["no_place.mail", "reminder.mail"],
                   "sms_first": [], "quiet_from": "20:00", "quiet_until": "09:30"}  # fmt: skip
    assert resident(person, "POST", f"/my/messages/settings/{story.site_id}", form=form).status_code == 422, "stale"
    path = f"/v1/my/preferences/{story.site_id}"
    saved = resident(person, "PUT", path, {"refused": ["reminder.sms"]}, **{"If-Match": '"1"'})
    assert (saved.json["version"], saved.json["refused"], saved.json["quiet_from"]) == (2, ["reminder.sms"], None)
    for wrong in ({"refused": ["confirmation.mail"]}, {"quiet_from": "20:00"}, {"quiet_from": "25:00"}):
        assert resident(person, "PUT", path, wrong, **{"If-Match": "*"}).status_code == 422
    assert resident(person, "PUT", f"/v1/my/preferences/{uuid4()}", {}, **{"If-Match": "*"}).status_code == 404
    assert rows("SELECT count(*) FROM audit_log WHERE kind = 'preferences' AND record = :id", id=str(person)) == [(2,)]
    assert "reminder" not in str(rows("SELECT changed FROM audit_log WHERE kind = 'preferences'")), (
        "what nobody can take out says no wishes"
    )
    contacts.failing = True
    assert resident(person, "GET", "/my/messages/settings").status_code == 503


def test_a_site_keeps_what_is_said_at_its_desk_of_whom_it_knows(story: Story, app: APIFlask, rows: Rows) -> None:
    key, _, digest = new_site_key()
    facts = story.sign_up(story.opening())
    story.tell(events.SiteKeyIssued(key_id=uuid4(), site_id=story.site_id, sha256=digest))
    head = {"Authorization": f"Bearer {key}", "If-Match": "*"}
    path = f"/v1/people/{facts['person_id']}/preferences"
    saved = app.test_client().put(path, json={"refused": ["announcement.mail"]}, headers=head)
    assert (saved.status_code, saved.json["refused"]) == (200, ["announcement.mail"])
    assert app.test_client().get(path, headers=head).json == saved.json
    assert app.test_client().get(f"/v1/people/{uuid4()}/preferences", headers=head).status_code == 404


def test_news_wait_for_the_end_of_somebodys_own_quiet_hours_and_answers_do_not(
    story: Story, database: Database, postman: Postman, sink: FaultySink, rows: Rows
) -> None:
    facts = remind(story, database, rows)
    around = rows("SELECT to_char(now() AT TIME ZONE 'Asia/Shanghai' - interval '1 hour', 'HH24:MI') AS a,"
                  " to_char(now() AT TIME ZONE 'Asia/Shanghai' + interval '2 hours', 'HH24:MI') AS b")[0]  # fmt: skip
    rows("INSERT INTO preferences (person_id, site_id, quiet_from, quiet_until) VALUES (:p, :s, :a, :b)",
         p=facts["person_id"], s=story.site_id, a=around.a, b=around.b)  # fmt: skip
    assert [mail["Subject"][:4] for mail in sent(postman, sink)] == ["报名成功"]
    [waits] = rows("SELECT attempts, next_attempt_at - now() AS rest, error FROM messages WHERE kind = 'reminder'")
    assert waits.attempts == 0 and timedelta(hours=1, minutes=58) < waits.rest <= timedelta(hours=2)
    assert "left alone" in waits.error
    rows("UPDATE messages SET next_attempt_at = now(), expires_at = now() + interval '2 hours' WHERE kind = 'reminder'")
    assert len(sent(postman, sink)) == 2, "it would come too late"


def test_channels_go_in_the_persons_order_and_only_what_they_want(
    settings: Settings, story: Story, database: Database, sink: FaultySink, rows: Rows, gateway: GatewayStandIn
) -> None:
    postman = make_postman(settings.model_copy(update={"sms_url": SecretStr(gateway.url())}), database)
    facts = remind(story, database, rows, phone="+8613800000001")
    rows("INSERT INTO preferences (person_id, site_id, sms_first, refused) VALUES (:p, :s, '{confirmation}', :no)",
         p=facts["person_id"], s=story.site_id, no=["reminder.mail"])  # fmt: skip
    assert sent(postman, sink) == []
    assert rows("SELECT kind, channel, state FROM messages ORDER BY number") == [
        ("confirmation", "sms", "sent"), ("reminder", "sms", "sent")]  # fmt: skip
