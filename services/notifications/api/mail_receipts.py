"""The mail provider's call-back: what became of the mails that it accepted."""

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import Response

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.errors import not_found
from services.common.sealing import Box
from services.notifications.api.signatures import must_be_signed
from services.notifications.mail.bounces import Report, message_of
from services.notifications.mail.smtp import without_address
from services.notifications.operations.mail_receipts import keep_reports
from services.notifications.schemas.mail_receipts import MailReceipt, MailReceiptsAnswer, MailReceiptsBody


def mail_receipts_blueprint(database: Database, box: Box, secrets: Sequence[str], mail_domain: str) -> APIBlueprint:
    """The route of mails' receipts. Without a secret there is none."""
    blueprint = APIBlueprint("mail_receipts", __name__, tag="Mail", url_prefix="/v1/mail")

    @blueprint.before_request
    def must_be_theirs() -> None:
        """Before a body of up to a megabyte is taken apart."""
        if not secrets:
            raise not_found("这个地址", "address")
        must_be_signed(secrets, "MAIL_RECEIPTS_SECRETS")

    @blueprint.post("/receipts")
    @allow(Caller.LINK)
    @blueprint.input(MailReceiptsBody, arg_name="body")
    @blueprint.output(MailReceiptsAnswer)
    def hear_mail_receipts(body: MailReceiptsBody) -> Response:
        """What became of mails, signed by Standard Webhooks with one of MAIL_RECEIPTS_SECRETS. The same may come again,
        in any order. `permanent` of one that bounced: nothing more is mailed to that address."""
        reports = [report for one in body.receipts if (report := _report(one, mail_domain))]
        keep_reports(database, box, reports)
        return answered(MailReceiptsAnswer(kept=len(reports)))

    return blueprint


def _report(receipt: MailReceipt, mail_domain: str) -> Report | None:
    ours = message_of(f"<{receipt.message_id.strip().strip('<>')}>", mail_domain)
    if ours is None:
        return None
    permanent = receipt.permanent or receipt.event == "complained"
    return Report(ours.message_id, ours.header, receipt.event, permanent, without_address(receipt.reason, "-"))
