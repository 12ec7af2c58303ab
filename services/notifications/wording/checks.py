"""What is found when words are saved, so that sending cannot fail: at the field, in words for people."""

from services.common.errors import FieldErrors, Words
from services.notifications.wording.builtin import Wording, read
from services.notifications.wording.facts import facts_of
from services.notifications.wording.fitting import CUT, WIDTHS, too_long_by
from services.notifications.wording.fitting import LONGEST as SMS
from services.notifications.wording.grammar import Template, Unfit, parse
from services.notifications.wording.made_with import MadeWith
from services.notifications.wording.samples import Sample, samples_of
from services.notifications.wording.tell import Wordless, filled
from services.notifications.wording.variables import VARIABLES, Channel, Language, TemplateKind

LONGEST = {"subject": 80, "text": 2000, "note": 1000}
"""Characters beside the values. A phone shows about forty of a subject."""


def check(kind: TemplateKind, channel: Channel, language: Language, wording: Wording) -> None:
    """Raise one problem with everything that is wrong with these words."""
    found = FieldErrors()
    for name, text in _texts(channel, wording).items():
        template = _parsed(found, kind, name, text)
        if template is not None:
            _judge(found, name, template)
    if channel is Channel.SMS and ("【" in wording.text or "】" in wording.text):
        found.add("text", _NO_SIGNATURE)
    found.raise_any()
    _try_all(found, kind, channel, language, wording)
    found.raise_any()


_NO_SIGNATURE = Words(
    "不能有“【”或“】”：签名由系统加上，运营商只认一个。",
    "must not have 【 or 】: the signature is added by the system, and carriers accept but one.",
)


def _texts(channel: Channel, wording: Wording) -> dict[str, str]:
    if channel is Channel.SMS:
        return {"text": wording.text}
    return {"subject": wording.subject, "text": wording.text, "note": wording.note}


def _parsed(found: FieldErrors, kind: TemplateKind, name: str, text: str) -> Template | None:
    if not text and name != "note":
        found.add(name, Words("不能为空。", "must not be empty."))
    try:
        return parse(text, kind.names)
    except Unfit as unfit:
        zh, en = "".join(fault.zh for fault in unfit.faults), " ".join(fault.en for fault in unfit.faults)
        found.add(name, Words(zh, en))
        return None


def _judge(found: FieldErrors, name: str, template: Template) -> None:
    longest, length = LONGEST[name], template.own_length()
    if length > longest:
        zh = f"除变量外最多 {longest} 个字符，现有 {length} 个。"
        found.add(name, Words(zh, f"may have at most {longest} characters beside the values; there are {length}."))
    for one in sorted(template.bare()):
        if VARIABLES[one].may_be_empty:
            found.add(name, brackets_needed(VARIABLES[one].zh, one))


def brackets_needed(zh: str, en: str) -> Words:
    """What is said of a value outside of brackets that some messages do not have."""
    return Words(
        f"有的消息没有“{{{{{zh}}}}}”：请连同前后的字写进方括号，如“[[，{{{{{zh}}}}}]]”，没有时整段省略。",
        f"Some messages have no {{{{{en}}}}}: put it in brackets with the words around it, such as"
        f" [[, {{{{{en}}}}}]]; that part is left out where there is none.",
    )


def _try_all(found: FieldErrors, kind: TemplateKind, channel: Channel, language: Language, wording: Wording) -> None:
    """Fill in every sample: what comes out must say something, and all that people must know."""
    for sample in samples_of(kind, language):
        facts = facts_of(sample.message, sample.contact, channel)
        try:
            told = filled(kind.name, channel, wording, facts, MadeWith())
        except Wordless as error:
            found.add(error.field, _empty(sample))
            return
        over = too_long_by(read(wording, kind.name).text, facts.values) if channel is Channel.SMS else 0
        if over:
            found.add("text", _too_long(over, sample))
            return
        said = "\n".join(told.text + told.note)
        needed = kind.needed_in(channel)
        missing = [one for one in needed if _beginning(one, facts.values[one]) not in said]
        if missing:
            found.add("text", _missing(missing, sample))
            return


def _beginning(name: str, value: str) -> str:
    """What must be seen of a value: of one that an SMS cuts short, its beginning."""
    return value[: WIDTHS[-1] - 1] if name in CUT else value


def _too_long(over: int, sample: Sample) -> Words:
    return Words(
        f"短信最多两条（连签名 {SMS} 个字符），名称截短后仍超出 {over} 个（{sample.title.zh}）。",
        f"An SMS is at most two segments long ({SMS} characters with its signature); with names cut short this is"
        f" {over} more ({sample.title.en}).",
    )


def _empty(sample: Sample) -> Words:
    return Words(
        f"有的消息会一个字都不剩（{sample.title.zh}）。请在方括号外也写些文字。",
        f"would come out empty in some messages ({sample.title.en}). Write something outside of the brackets too.",
    )


def _missing(names: list[str], sample: Sample) -> Words:
    zh = "、".join(f"“{{{{{VARIABLES[one].zh}}}}}”" for one in names)
    en = ", ".join(f"{{{{{one}}}}}" for one in names)
    return Words(
        f"少了{zh}：收信人必须知道（{sample.title.zh}）。",
        f"lacks {en}, which people must be told ({sample.title.en}).",
    )
