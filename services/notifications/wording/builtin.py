"""The built-in words, read once: `zh.toml` and `en.toml`, every text of them a template (`grammar.py`)."""

import tomllib
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

from services.notifications.wording.grammar import Template, fold, parse, tidy
from services.notifications.wording.variables import KINDS, OTHER_LINK, VARIABLES, Channel, Language, TemplateKind

EVERY_NAME = {fold(one.zh): one.name for one in VARIABLES.values()} | {fold(name): name for name in VARIABLES}
EVERY_NAME |= {name: name for name in ("alone", "count", "over", "estimate", "missing")}
"""The last are of mails to staff, about hours, about a day and about what waits for approval."""


@dataclass(frozen=True)
class Wording:
    """The words of a kind in one language for one channel, as they are typed. An SMS has but its text; a mail has a
    subject, a text before the facts and a note after them; of a link's mail, the note is the system's."""

    subject: str
    text: str
    note: str


@dataclass(frozen=True)
class Read:
    """The same, read."""

    subject: Template
    text: Template
    note: Template


def kind_of(name: str) -> TemplateKind:
    """The kind of a message or of a link's purpose; an unknown purpose has words that are true of every link."""
    return KINDS.get(name) or KINDS[OTHER_LINK]


def built_in(kind: TemplateKind, channel: Channel, language: Language) -> Wording:
    """Version 0."""
    words = _words(language)[kind.name]
    if channel is Channel.SMS:
        return Wording("", words["sms"], "")
    return Wording(words["subject"], words["text"], link_note(kind, language) if kind.is_link else words["note"])


def link_note(kind: TemplateKind, language: Language) -> str:
    """What the mail of a link ends with, whoever wrote its words: how long it works, and that it is for nobody else."""
    usual = "note_about_record" if kind.name in ("hours_changed", "certificate_revoked") else "note"
    return _words(language)[kind.name].get("note") or _words(language)["links"][usual]


def tidied(kind: TemplateKind, wording: Wording) -> Wording:
    """Typed words as they are kept."""
    return Wording(tidy(wording.subject), tidy(wording.text), "" if kind.is_link else tidy(wording.note))


@lru_cache(maxsize=256)
def read(wording: Wording, kind_name: str) -> Read:
    """The words, read; once for each that there are. Raises `Unfit`."""
    names = kind_of(kind_name).names
    return Read(parse(wording.subject, names), parse(wording.text, names), parse(wording.note, names))


@cache
def put(language: Language, section: str, name: str) -> Template:
    """A text of the system's own: `put("zh", "frame", "greeting")`. Of a reason that has none: the usual one."""
    words = _words(language)[section]
    return parse(words[name if name in words else "otherwise"], EVERY_NAME)


@cache
def _words(language: Language) -> dict[str, dict[str, str]]:
    return tomllib.loads(files("services.notifications.wording").joinpath(f"{language}.toml").read_text())
