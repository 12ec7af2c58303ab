"""Which words a message was made with, as it is kept with the message."""

from dataclasses import dataclass


@dataclass(frozen=True)
class MadeWith:
    """The words saved under this id in this version, or the built-in ones (version 0). `fault` says why those of the id
    could not be used, so that the built-in ones went out."""

    template_id: int | None = None
    version: int = 0
    fault: str | None = None
