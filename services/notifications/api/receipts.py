"""The SMS providers' call-back: what became of the SMS that they accepted."""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import ValidationError

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.errors import Words, invalid, not_found
from services.notifications.api.signatures import must_be_signed
from services.notifications.operations.receipts import hear
from services.notifications.schemas.receipts import ReceiptsAnswer
from services.notifications.settings import Settings
from services.notifications.sms import Provider, Receipt


@dataclass(frozen=True)
class Callers:
    """Whose receipts are heard, the wanted provider first. Without a provider or a token: nobody's."""

    providers: Sequence[Provider]
    token: str = field(repr=False)
    secrets: Sequence[str] = field(repr=False)

    def recognised(self, token_shown: str, name: str | None) -> Provider:
        """The provider of this address. Raises 404 for an address that is none, 401 where one that can sign has not."""
        found = next((one for one in self.providers if name in (None, one.name)), None)
        if found is None or not self.token or not hmac.compare_digest(self.token.encode(), token_shown.encode()):
            raise not_found("这个地址", "address")
        if self.secrets and found.signs_receipts:
            must_be_signed(self.secrets, "SMS_RECEIPTS_SECRETS")
        return found


def receipts_blueprint(settings: Settings, database: Database) -> APIBlueprint:
    """The routes of receipts."""
    blueprint = APIBlueprint("receipts", __name__, tag="SMS", url_prefix="/v1/sms")
    token = settings.sms_receipts_token.get_secret_value()
    callers = Callers(settings.sms_providers, token, settings.sms_signing_secrets)

    @blueprint.post("/receipts/<token_shown>")
    @allow(Caller.LINK)
    @blueprint.output(ReceiptsAnswer)
    def hear_receipts(token_shown: str) -> Response:
        """Delivery receipts, in the provider's own form: Alibaba Cloud's `SmsReport` (an array), or the gateway's
        `{"receipts": [{"id", "reference", "status": "delivered" or "failed", "reason"}]}`. The address ends in
        SMS_RECEIPTS_TOKEN; a gateway also signs by Standard Webhooks where SMS_RECEIPTS_SECRETS is set. The same
        receipts may come again. Of several providers this is the first one's address."""
        return _heard(database, callers.recognised(token_shown, None))

    @blueprint.post("/receipts/<token_shown>/<provider>")
    @allow(Caller.LINK)
    @blueprint.output(ReceiptsAnswer)
    def hear_receipts_of(token_shown: str, provider: str) -> Response:
        """The same of the provider of this name, where there are several."""
        return _heard(database, callers.recognised(token_shown, provider))

    return blueprint


def _heard(database: Database, provider: Provider) -> Response:
    hear(database, provider.name, _read(provider))
    return answered(ReceiptsAnswer(code=0, msg="OK"))


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
