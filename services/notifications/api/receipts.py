"""The SMS providers' call-backs: what became of the SMS that they accepted, and what people send back."""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import ValidationError

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.common.errors import Words, invalid, not_found
from services.common.sealing import Box
from services.notifications.api.signatures import must_be_signed
from services.notifications.operations.receipts import hear
from services.notifications.operations.replies import hear_replies
from services.notifications.schemas.receipts import ReceiptsAnswer
from services.notifications.settings import Settings
from services.notifications.sms import Provider, Receipt, Reply

Told = TypeVar("Told", Receipt, Reply)


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
    """The routes of receipts and replies."""
    blueprint = APIBlueprint("receipts", __name__, tag="SMS", url_prefix="/v1/sms")
    token = settings.sms_receipts_token.get_secret_value()
    box = settings.box()
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

    @blueprint.post("/replies/<token_shown>")
    @allow(Caller.LINK)
    @blueprint.output(ReceiptsAnswer)
    def hear_answers(token_shown: str) -> Response:
        """SMS that people send back, signed as receipts are: Alibaba Cloud's `SmsUp` (an array), or the gateway's
        `{"replies": [{"id", "from", "text"}]}`. Who answers R, T, TD or 退订 gets no more SMS of the kinds that may be
        refused, from any site that sent one in the last thirty days. The same may come again."""
        return _answered_back(database, box, callers.recognised(token_shown, None))

    @blueprint.post("/replies/<token_shown>/<provider>")
    @allow(Caller.LINK)
    @blueprint.output(ReceiptsAnswer)
    def hear_answers_of(token_shown: str, provider: str) -> Response:
        """The same of the provider of this name, where there are several."""
        return _answered_back(database, box, callers.recognised(token_shown, provider))

    return blueprint


def _heard(database: Database, provider: Provider) -> Response:
    hear(database, provider.name, _read(provider.receipts))
    return answered(ReceiptsAnswer(code=0, msg="OK"))


def _answered_back(database: Database, box: Box, provider: Provider) -> Response:
    hear_replies(database, box, provider.name, _read(provider.replies))
    return answered(ReceiptsAnswer(code=0, msg="OK"))


def _read(form: Callable[[Any], list[Told]]) -> list[Told]:
    try:
        return form(request.get_json(silent=True))
    except ValidationError as error:
        # Without what it quotes: it has the number.
        where = ".".join(str(part) for part in error.errors()[0]["loc"]) or "body"
        raise invalid(where, Words("格式不对。", "This is not the form of this call-back.")) from None
    except ValueError:
        raise invalid(
            "receipts", Words("每条回执要有 id 或 reference。", "Each receipt names an id or a reference.")
        ) from None
