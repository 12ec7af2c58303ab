"""The SMS provider's call-back: what became of the SMS that it accepted."""

import hmac

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import ValidationError

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.errors import Words, invalid, not_found
from services.notifications.operations.receipts import hear
from services.notifications.schemas.receipts import ReceiptsAnswer
from services.notifications.sms import Provider, Receipt


def receipts_blueprint(database: Database, provider: Provider | None, token: str) -> APIBlueprint:
    """The route of receipts. Without a provider or a token there is none."""
    blueprint = APIBlueprint("receipts", __name__, tag="SMS", url_prefix="/v1/sms")

    @blueprint.post("/receipts/<token_shown>")
    @allow(Caller.LINK)
    @blueprint.output(ReceiptsAnswer)
    def hear_receipts(token_shown: str) -> Response:
        """Delivery receipts, in the provider's own form: Alibaba Cloud's `SmsReport` (an array), or the gateway's
        `{"receipts": [{"id", "reference", "status": "delivered" or "failed", "reason"}]}`. The address ends in
        SMS_RECEIPTS_TOKEN: the protocol has no signature. The same receipts may come again."""
        if provider is None or not token or not hmac.compare_digest(token.encode(), token_shown.encode()):
            raise not_found("这个地址", "address")
        hear(database, _read(provider))
        return answered(ReceiptsAnswer(code=0, msg="OK"))

    return blueprint


def _read(provider: Provider) -> list[Receipt]:
    try:
        return provider.receipts(request.get_json(silent=True))
    except ValidationError as error:
        # Without what it quotes: a receipt has the number.
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "body"
        raise invalid(where, Words("不是回执的格式。", "This is not the form of receipts.")) from None
    except ValueError:
        raise invalid(
            "receipts", Words("每条回执要有 id 或 reference。", "Each receipt names an id or a reference.")
        ) from None
