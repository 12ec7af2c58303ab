"""What a mail provider's call-back says."""

from typing import Literal

from pydantic import Field

from services.common.schemas import Answer, Body


class MailReceipt(Body):
    """What became of one mail."""

    message_id: str = Field(max_length=200, description="the mail's Message-ID, with or without < and >")
    event: Literal["delivered", "bounced", "complained"]
    permanent: bool = Field(default=False, description="of one that bounced: there is no such mailbox")
    reason: str = Field(default="", max_length=2000)


class MailReceiptsBody(Body):
    """Any number, of our mails and of others."""

    receipts: list[MailReceipt] = Field(max_length=1000)


class MailReceiptsAnswer(Answer):
    """How many were of mails as we name them."""

    kept: int
