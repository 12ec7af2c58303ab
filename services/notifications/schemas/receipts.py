"""What the SMS provider's call-back is answered."""

from pydantic import Field

from services.common.schemas import Answer


class ReceiptsAnswer(Answer):
    """Taken: as Alibaba Cloud wants to read it, or it comes again."""

    code: int = Field(description="0")
    msg: str
