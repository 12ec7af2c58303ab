"""What a message says: the words that count for its site, filled with its facts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.common.logs import get_logger
from services.notifications.mail.words import plain
from services.notifications.wording.builtin import Wording, built_in, kind_of, link_note, read
from services.notifications.wording.facts import Facts
from services.notifications.wording.fitting import fitted
from services.notifications.wording.grammar import Unfit
from services.notifications.wording.made_with import MadeWith
from services.notifications.wording.variables import Channel

log = get_logger(__name__)

LONGEST_SUBJECT, LONGEST_LINE = 200, 100_000
"""Characters that go out at most, whatever values are filled in; lines of a mail are bounded where they are saved."""


class Wordless(ValueError):
    """Words came out empty, in this field."""

    def __init__(self, field: str) -> None:
        super().__init__(f"the {field} is empty")
        self.field = field


@dataclass(frozen=True)
class Told:
    """The words of one message; of an SMS only the text. Text and note are lines, none of them empty."""

    subject: str
    text: tuple[str, ...]
    note: tuple[str, ...]
    made_with: MadeWith


def tell(kind: str, channel: Channel, facts: Facts, words: Mapping[str, Mapping[str, Any]] | None) -> Told:
    """The words of a message. `words` are what was saved for its site and kind, by channel and language, as
    `words_of` in the database gives them; where there are none, or where they fail, the built-in ones are taken."""
    saved = (words or {}).get(f"{channel}.{facts.language}")
    fault = None
    if saved is not None:
        try:
            wording = Wording(saved["subject"], saved["text"], saved["note"])
            return filled(kind, channel, wording, facts, MadeWith(saved["id"], saved["version"]))
        except Exception as error:
            # Nothing of the message may stand in a log, so only our own errors say what they found.
            said = f": {error}" if isinstance(error, Unfit | Wordless) else ""
            fault = f"{type(error).__name__}{said}"[:300]
            log.warning("template_failed", template_id=saved.get("id"), kind=kind, channel=channel, reason=fault)
    made_with = MadeWith(saved["id"] if saved else None, 0, fault)
    return filled(kind, channel, built_in(kind_of(kind), channel, facts.language), facts, made_with)


def filled(kind: str, channel: Channel, wording: Wording, facts: Facts, made_with: MadeWith) -> Told:
    """These words with these facts. Raises `Unfit` for what is no template, `Wordless` where nothing is left."""
    if kind_of(kind).is_link:
        wording = replace(wording, note=link_note(kind_of(kind), facts.language))
    read_words, values = read(wording, kind), facts.values
    if channel is Channel.SMS:
        subject, text, note = "", _lines(fitted(read_words.text, facts.values)), _lines("")
    else:
        subject = plain(read_words.subject.fill(values), LONGEST_SUBJECT)
        text, note = _lines(read_words.text.fill(values)), _lines(read_words.note.fill(values))
        if not subject:
            raise Wordless("subject")
    if not text:
        raise Wordless("text")
    return Told(subject, text, note, made_with)


def _lines(text: str) -> tuple[str, ...]:
    lines = (plain(line, LONGEST_LINE) for line in text.split("\n"))
    return tuple(line for line in lines if line)
