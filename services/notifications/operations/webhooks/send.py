"""Send what is due, each by a thread of its own: whoever is slow holds up nobody else.

    sender = Sender(database, settings.box(), settings.webhooks_loopback)
    sender.send_due()       # takes what threads are free for and comes back at once

No connection to the database is held while a receiver is waited for.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from services.common.database import Database
from services.common.errors import Problem
from services.common.logs import bind_request, get_logger
from services.common.sealing import Box
from services.notifications.operations.webhooks.outgoing import Claimed, Result, claim, record, release
from services.notifications.webhooks.addresses import AddressRefused, read_url, resolve
from services.notifications.webhooks.post import Reply, Unanswered, post
from services.notifications.webhooks.signing import signed

log = get_logger(__name__)

THREADS = 16
"""Requests at the same time: four endpoints may hang with four each before anybody waits, and only until they rest."""

SOON = 0.2
"""Seconds that a look waits at most for a thread to be free."""

SECRET_DELAY = 600.0
"""Seconds until a delivery is looked at again whose secret cannot be read: an operator must put a key back."""

HEADERS = {"Content-Type": "application/cloudevents+json; charset=utf-8", "User-Agent": "Hesheng-Webhooks/1"}


class Sender:
    """What it takes to send; `loopback` lets this machine itself be a receiver."""

    def __init__(self, database: Database, box: Box, loopback: bool) -> None:
        self._database = database
        self._box = box
        self._loopback = loopback
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="webhook")
        self._under_way: set[Future[None]] = set()
        self._lock = threading.Lock()

    def send_due(self) -> int:
        """Begin to send what is due and has a thread; returns how many that were."""
        with self._lock:
            begun = self._begin()
            if not begun and self._under_way:
                # What is due waits for one of these: it goes as soon as that is done, and not at the next look.
                wait(self._under_way, SOON, FIRST_COMPLETED)
                begun = self._begin()
        return begun

    def _begin(self) -> int:
        self._under_way = {one for one in self._under_way if not one.done()}
        claimed = claim(self._database, THREADS - len(self._under_way))
        self._under_way |= {self._pool.submit(self._deliver_logged, one) for one in claimed}
        return len(claimed)

    def finish(self) -> None:
        """Come back when nothing is under way any more. Raises what one of them raised."""
        for one in wait(self._under_way).done:
            one.result()

    def _deliver_logged(self, claimed: Claimed) -> None:
        with bind_request(claimed.request_id):
            try:
                self._deliver(claimed)
            except Exception:
                log.exception("webhook_not_recorded", delivery_id=str(claimed.id))  # its lease runs out
                raise

    def _deliver(self, claimed: Claimed) -> None:
        try:
            secrets = [self._box.decrypt(bytes(one)) for one in claimed.secrets]
        except Problem:
            log.error("webhook_secret_unreadable", webhook_id=str(claimed.endpoint_id))
            release(self._database, claimed, SECRET_DELAY, "its secret cannot be read: a key is missing")
            return
        result = self._try(claimed, secrets)
        kept = record(self._database, claimed, result)
        note = log.info if result.outcome == "delivered" else log.warning
        told = {"delivery_id": str(claimed.id), "webhook_id": str(claimed.endpoint_id), "recorded": kept}
        note("webhook_tried", outcome=result.outcome, status=result.status, **told)

    def _try(self, claimed: Claimed, secrets: Sequence[str]) -> Result:
        try:
            target = read_url(claimed.url, self._loopback)
            addresses = resolve(target, self._loopback)
            headers = HEADERS | signed(secrets, str(claimed.id), claimed.claimed_at, claimed.body)
            return judged(post(target, addresses, headers, claimed.body.encode()))
        except AddressRefused as refusal:
            return Result("forbidden", reply=str(refusal))
        except Problem as problem:  # the operator's setting is another by now
            return Result("forbidden", reply=problem.detail.en)
        except Unanswered as error:
            return Result("unanswered", reply=str(error))


def judged(reply: Reply) -> Result:
    """What an answer means: 2xx is taken, 410 never wants anything again, all else is tried again."""
    if 200 <= reply.status < 300:
        return Result("delivered", reply.status)
    outcome = "gone" if reply.status == 410 else "redirected" if 300 <= reply.status < 400 else "refused"
    return Result(outcome, reply.status, reply.beginning or None, reply.retry_after)
