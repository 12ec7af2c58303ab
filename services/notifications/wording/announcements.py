"""The words of an announcement: templates of the same language as all others, in Chinese and, if wanted, in English.

check_words(words, of_activity=False)          # raises one problem with everything that is wrong, at its field
told = said(words, Language.EN, values)        # a subject and lines; the Chinese ones where there are no English ones

An SMS has but two segments, so it says what the mail's subject says, and where to ask.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from services.common.errors import FieldErrors, Words
from services.notifications.mail.words import plain
from services.notifications.wording.checks import brackets_needed
from services.notifications.wording.grammar import Template, Unfit, fold, parse, tidy
from services.notifications.wording.variables import VARIABLES, Language, Variable

LONGEST = {"subject": 80, "text": 4000}
"""Characters beside the values. A phone shows about forty of a subject."""

LONGEST_SUBJECT = 200

EVERYWHERE = ("name", "site", "site_short", "phone")
OF_ACTIVITY = (*EVERYWHERE, "title")


@dataclass(frozen=True)
class Announced:
    """The words as they are typed. Without English ones everybody gets the Chinese."""

    subject_zh: str
    text_zh: str
    subject_en: str = ""
    text_en: str = ""

    def in_language(self, language: Language) -> tuple[Language, str, str]:
        """Subject and text in the language asked for, where there are any; and in which they are."""
        if language is Language.EN and self.text_en:
            return Language.EN, self.subject_en, self.text_en
        return Language.ZH, self.subject_zh, self.text_zh


def variables(of_activity: bool) -> list[Variable]:
    """The values that the words may name."""
    return [VARIABLES[name] for name in (OF_ACTIVITY if of_activity else EVERYWHERE)]


def tidied(words: Announced) -> Announced:
    """Typed words as they are kept."""
    return Announced(tidy(words.subject_zh), tidy(words.text_zh), tidy(words.subject_en), tidy(words.text_en))


def check_words(words: Announced, of_activity: bool) -> None:
    """Raise one problem with everything that is wrong with these words. What passes cannot come out empty: a text has
    words of its own outside of brackets, or a value that is never empty."""
    found, names = FieldErrors(), _names(of_activity)
    english = bool(words.subject_en or words.text_en)
    for field, text in vars(words).items():
        if text or not field.endswith("en") or english:
            _judge(found, field, text, names)
    found.raise_any()


def said(words: Announced, language: Language, values: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """The subject, and the lines of the text. `values` has every name there is."""
    _, subject, text = words.in_language(language)
    lines = (plain(line, 100_000) for line in _read(text).fill(values).split("\n"))
    return plain(_read(subject).fill(values), LONGEST_SUBJECT), tuple(line for line in lines if line)


@lru_cache(maxsize=64)
def _read(text: str) -> Template:
    """Read once, for the many who get it."""
    return parse(text, _names(True))


def _names(of_activity: bool) -> dict[str, str]:
    found = variables(of_activity)
    return {fold(one.zh): one.name for one in found} | {fold(one.name): one.name for one in found}


def _judge(found: FieldErrors, field: str, text: str, names: Mapping[str, str]) -> None:
    if not text.strip():
        found.add(field, Words("不能为空。", "must not be empty."))
        return
    try:
        template = parse(text, names)
    except Unfit as unfit:
        found.add(field, Words("".join(one.zh for one in unfit.faults), " ".join(one.en for one in unfit.faults)))
        return
    longest, length = LONGEST[field.partition("_")[0]], template.own_length()
    if length > longest:
        zh = f"除变量外最多 {longest} 个字符，现有 {length} 个。"
        found.add(field, Words(zh, f"may have at most {longest} characters beside the values; there are {length}."))
    bare = [one for one in sorted(template.bare()) if VARIABLES[one].may_be_empty]
    for one in bare:
        found.add(field, brackets_needed(VARIABLES[one].zh, one))
    if not bare and not _says_something(template):
        found.add(field, _EMPTY)


_EMPTY = Words(
    "有的消息会一个字都不剩。请在方括号外也写些文字。",
    "would come out empty in some messages. Write something outside of the brackets too.",
)


def _says_something(template: Template) -> bool:
    """Whether something is left where every value that may be empty is."""
    always = {name: "x" for name in OF_ACTIVITY if not VARIABLES[name].may_be_empty}
    return bool(template.fill({"phone": "", **always}).strip())
