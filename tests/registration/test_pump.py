"""The pump and the feed: what was done over HTTP arrives in the queue and can be pulled."""

import time

from cryptography.fernet import Fernet
from pydantic import SecretStr

from services.common.queue import events_queue, queue_length, work_queue
from services.registration.pump import duties
from services.registration.settings import SUBSCRIBERS, Settings
from services.registration.tasks import FORGET_TASK, RENEW_TASK, make_celery_app
from tests.conftest import PERSONAL_DATA_KEY, REPORTING_TOKEN
from tests.registration.world import Caller, Site


def test_what_is_done_is_sent_to_each_subscriber_and_can_be_pulled(site: Site, settings: Settings) -> None:
    site.sign_up(site.shift())
    app = make_celery_app(settings)
    before = {name: queue_length(app, events_queue(name)) for name in SUBSCRIBERS}
    deadline = time.monotonic() + 20
    todo = [duty for duty in duties(settings) if duty.name in ("sequence", "send")]
    while any(duty.act() for duty in todo):
        assert time.monotonic() < deadline
    for name in SUBSCRIBERS:
        assert queue_length(app, events_queue(name)) > before[name]
    reporting = Caller(site.app, REPORTING_TOKEN)
    heads = reporting.expect(200, "GET", "/events/heads")["heads"]
    partition = site.sql("SELECT partition FROM outbox WHERE aggregate = :id", id=site.id)[0].partition
    page = reporting.expect(200, "GET", f"/events?partition={partition}&after=0&limit=1000")
    assert page["head"] == heads[str(partition)]
    assert site.id in {event["subject"] for event in page["events"]}


def test_the_tidying_duty_says_that_it_rests(settings: Settings) -> None:
    tidy = next(duty for duty in duties(settings) if duty.name == "tidy")
    assert not tidy.act()
    assert tidy.idle < 60


def test_a_new_key_wakes_the_worker_until_everything_is_encrypted_with_it(site: Site, settings: Settings) -> None:
    site.sign_up(site.shift())
    keys = SecretStr(f"{Fernet.generate_key().decode()},{PERSONAL_DATA_KEY}")
    rotated = settings.model_copy(update={"personal_data_keys": keys})
    app, queue = make_celery_app(settings), work_queue("registration")
    before = queue_length(app, queue)
    for which, nudges in ((settings, 0), (rotated, 1)):
        duty = next(duty for duty in duties(which) if duty.name == "renew")
        assert not duty.act()
        assert queue_length(app, queue) == before + nudges


def test_the_worker_knows_its_tasks(settings: Settings) -> None:
    assert {FORGET_TASK, RENEW_TASK} <= set(make_celery_app(settings).tasks)


def test_the_status_knows_both_subscribers(site: Site, operator: Caller) -> None:
    status = operator.expect(200, "GET", "/internal/status")
    assert set(status["unsent"]) == set(SUBSCRIBERS)
    assert status["problems"] == []
