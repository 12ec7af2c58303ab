"""The staff's digests fall due while things are killed: each site wants them at the next full minute."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from tests.faults.announce import as_staff
from tests.faults.client import Answer, Client
from tests.faults.scene import Scene

ZONE = ZoneInfo("Asia/Shanghai")
AHEAD = timedelta(seconds=8)
"""Time enough to plan them: what lies behind is not planned."""


def set_digests(notifications: str, scene: Scene) -> str:
    """Have each site's come soon, and note when. One colleague wants none, and is answered."""
    scene.digests_at = (datetime.now(ZONE) + AHEAD + timedelta(minutes=1)).replace(second=0, microsecond=0)
    at = f"{scene.digests_at:%H:%M}"
    unwilling = scene.colleagues[-1]
    _must(as_staff(notifications, unwilling).send("PATCH", "/v1/digests/settings", {"wanted": False}))
    for site in scene.sites:
        _must(Client(notifications, site.key).send("PATCH", "/v1/digests/settings", {"at": at}))
    return unwilling.id


def _must(answer: Answer | None) -> None:
    if answer is None or not answer.ok:
        raise RuntimeError(f"a digest was not set: {answer}")
