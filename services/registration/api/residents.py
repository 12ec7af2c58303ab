"""Residents who call: how far their session reaches."""

from uuid import UUID

from flask import current_app, g

from services.common.errors import LINK_NEEDED, Problem, Words
from services.registration.operations.people.proven_sites import Resident

PERSONAL_DATA = "hesheng.personal_data"
"""Where the app keeps what reads birth dates: nobody is a guardian of somebody who is 18 by now."""


def resident(by_mail: bool = False) -> Resident:
    """The resident who calls: what their session reaches, operations ask of it (`proven_sites.py`).

    Only where it may be done `by_mail` does the link suffice that stands in every mail, lasts for months and may have
    been passed on. Raises 403 elsewhere: a link is asked for that opens once.
    """
    if g.principal.mailed_by and not by_mail:
        raise Problem(
            LINK_NEEDED,
            Words(
                "从通知邮件进入，只能查看、更改和取消报名。其余请先获取一次性链接。",
                "By the link of a mail you see, change and cancel registrations. All else takes a fresh link.",
            ),
        )
    data = current_app.extensions[PERSONAL_DATA]
    return Resident(data, UUID(g.principal.name), bytes.fromhex(g.principal.address), g.principal.mailed_by)
