"""The mail provider's call-back: what became of the mails that it accepted."""

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import Response, request
from standardwebhooks import Webhook, WebhookVerificationError

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.errors import UNAUTHENTICATED, Problem, Words, not_found
from services.notifications.mail.bounces import Report, message_of
from services.notifications.mail.smtp import without_address
from services.notifications.operations.mail_receipts import keep_reports
from services.notifications.schemas.mail_receipts import MailReceipt, MailReceiptsAnswer, MailReceiptsBody

NOT_SIGNED = Words(
    "签名无效或已过时。", "It is not signed by MAIL_RECEIPTS_SECRETS, or more than five minutes ago or ahead."
)


def mail_receipts_blueprint(database: Database, secrets: Sequence[str], mail_domain: str) -> APIBlueprint:
    """The route of mails' receipts. Without a secret there is none."""
    blueprint = APIBlueprint("mail_receipts", __name__, tag="Mail", url_prefix="/v1/mail")

    @blueprint.post("/receipts")
    @allow(Caller.LINK)
    @blueprint.input(MailReceiptsBody, arg_name="body")
    @blueprint.output(MailReceiptsAnswer)
    def hear_mail_receipts(body: MailReceiptsBody) -> Response:
        """What became of mails, signed by Standard Webhooks with one of MAIL_RECEIPTS_SECRETS. The same may come again,
        in any order. `permanent` of one that bounced: nothing more is mailed to that address."""
        _check_signature(secrets)
        reports = [report for one in body.receipts if (report := _report(one, mail_domain))]
        keep_reports(database, reports)
        return answered(MailReceiptsAnswer(kept=len(reports)))

    return blueprint


def _check_signature(secrets: Sequence[str]) -> None:
    if not secrets:
        raise not_found("这个地址", "address")
    raw, headers = request.get_data(), dict(request.headers)
    if not any(_is_signed(secret, raw, headers) for secret in secrets):
        raise Problem(UNAUTHENTICATED, NOT_SIGNED)


def _is_signed(secret: str, raw: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(raw, headers, json_parse=False)
    except (WebhookVerificationError, ValueError):
        return False
    return True


def _report(receipt: MailReceipt, mail_domain: str) -> Report | None:
    message_id = message_of(receipt.message_id, mail_domain)
    if message_id is None:
        return None
    permanent = receipt.permanent or receipt.event == "complained"
    return Report(message_id, receipt.event, permanent, without_address(receipt.reason, "-"))
