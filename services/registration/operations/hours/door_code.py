"""The code at the desk or the door: shows that whoever scans it is there now.

    codes = Codes(data)
    codes.now(shift_id)                 # what the QR holds; another one every 30 seconds
    codes.check(shift_id, token)        # 409 for one that is over, or of another shift

Nothing is stored: a code is an HMAC over the shift and the half minute. It proves that somebody saw the screen within
the last minute. Who that is, their session proves. What neither proves: that a friend at the screen did not send its
picture to them at home, who had to answer within the minute; and that they stayed until they scanned again. Hours say
that they were scanned, and the leader's roll call stands beside it.
"""

import hmac
import time
from base64 import b32encode
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from services.common.errors import not_found
from services.registration.models import Registration
from services.registration.operations import conflict
from services.registration.operations.hours.attendance import check_in, check_out
from services.registration.operations.people.proven_sites import Resident, theirs
from services.registration.personal_data import PersonalData

STEP_SECONDS = 30
SLACK_STEPS = 1
"""The code before the present one still holds: a phone takes seconds to open the page."""
TOKEN_LETTERS = 16
"""80 bits: nobody guesses one within the minute that it holds."""
SHORTEST_STAY = timedelta(minutes=1)
"""A second scan sooner is a finger that slipped, not somebody who leaves."""


class Codes:
    """Makes and checks codes."""

    def __init__(self, data: PersonalData) -> None:
        self._key = data.key_for("check-in code")

    def now(self, shift_id: UUID, at: float | None = None) -> tuple[str, int]:
        """The present code of a shift, and the seconds until the next one."""
        moment = time.time() if at is None else at
        step = int(moment // STEP_SECONDS)
        return self._token(shift_id, step), int((step + 1) * STEP_SECONDS - moment) or 1

    def check(self, shift_id: UUID, token: str, at: float | None = None) -> None:
        """Raise 409 unless this is the shift's code of now, or of half a minute ago."""
        step = int((time.time() if at is None else at) // STEP_SECONDS)
        good = [self._token(shift_id, step - back) for back in range(SLACK_STEPS + 1)]
        if not any(hmac.compare_digest(token.upper().encode(), code.encode()) for code in good):
            raise conflict(
                "签到码已更换，请重新扫描屏幕上的二维码。", "This code is over. Scan the code on the screen again."
            )

    def _token(self, shift_id: UUID, step: int) -> str:
        digest = hmac.digest(self._key, shift_id.bytes + step.to_bytes(8, "big"), sha256)
        return b32encode(digest)[:TOKEN_LETTERS].decode()


def scan_address(public_url: str, shift_id: UUID, token: str) -> str:
    """What the QR code holds: the page behind the gateway's prefix, which `public_url` ends in already."""
    return f"{public_url}/scan/{shift_id}?t={token}"


def own_place(session: Session, resident: Resident, shift_id: UUID) -> Registration:
    """A resident's place on a shift. Raises 404."""
    own = theirs(session, resident, Registration)
    on_shift = Registration.shift_id == shift_id, Registration.status == "confirmed"
    registration = session.scalars(select(Registration).where(own, *on_shift)).one_or_none()
    if registration is None:
        raise not_found("您在本场次的报名", "confirmed registration of yours for this shift")
    return registration


def scan(session: Session, resident: Resident, shift_id: UUID, leave: bool) -> Registration:
    """Check oneself in or, to `leave`, out. The code must have been checked. Doing either twice changes nothing."""
    registration = own_place(session, resident, shift_id)
    if not leave:
        return check_in(session, registration.id, None, how="scanned")
    came = registration.checked_in_at
    if came is not None and registration.checked_out_at is None and _just_came(session, registration):
        raise conflict("刚刚签到，请在离开时再签退。", "You have just checked in. Check out when you leave.")
    return check_out(session, registration.id, None, how="scanned")


def _just_came(session: Session, registration: Registration) -> bool:
    return bool(session.scalar(select(func.clock_timestamp() < literal(registration.checked_in_at) + SHORTEST_STAY)))
