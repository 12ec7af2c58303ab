"""Which refusals of a mail say that there is no such mailbox, so that no other mail will get there either.

By the enhanced codes of RFC 3463 where the server gives one; else by the words that servers use. Refusals for what a
mail says, for its size, or for who we are, are of that mail alone.
"""

import re

NO_MAILBOX = re.compile(r"\b5\.(1\.(1|3|6|10)|2\.1)\b")
OTHER_CODE = re.compile(r"\b5\.[0-7]\.[0-9]{1,3}\b")
WORDS = re.compile(
    r"(no such|unknown|non-?existent|invalid) (user|mailbox|recipient|address|account)"
    r"|(user|mailbox|recipient|address|account)( is| was)? (unknown|not found|disabled|invalid)"
    r"|(user|mailbox|recipient|address|account) (does not|doesn't) exist|mailbox unavailable",
    re.IGNORECASE,
)
NOT_WORDS = re.compile(r"spam|policy|block|reputation|relay|denied|quota|full", re.IGNORECASE)


def is_no_mailbox(said: str) -> bool:
    """Whether this answer of a server (`550 5.1.1 …`) means that the address is none."""
    if not re.match(r"5[0-9][0-9]\b|.*\b5\.[0-9]\.", said):
        return False
    if NO_MAILBOX.search(said):
        return True
    return not OTHER_CODE.search(said) and bool(WORDS.search(said)) and not NOT_WORDS.search(said)
