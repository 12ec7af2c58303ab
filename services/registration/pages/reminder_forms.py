"""Rules of reminding, as staff fill them in and as people read them.

rules_typed()                        # what the rows of a form say; a row for nobody counts as none
rule_values(activity)                # the rows of the form for an activity that is there
in_words(rule)                       # 前一天 19:00，提醒参与者（只提醒未确认会来的）
"""

from typing import Any

from flask import request

from services.common.durations import duration
from services.common.errors import Words
from services.common.events import Late, ReminderRule, ReminderTo
from services.registration.models import Activity
from services.registration.schemas.activities import MOST_RULES

FIELDS = ("to", "days_before", "at", "minutes_before", "only_unconfirmed", "late")
RULE_NAMES = [f"reminder_rules.{n}.{field}" for n in range(MOST_RULES) for field in FIELDS]

TO = {
    ReminderTo.PARTICIPANTS: Words("参与者", "participants"),
    ReminderTo.LEADERS: Words("队伍负责人", "the team's leaders"),
    ReminderTo.STAFF: Words("站点工作人员", "the site's staff"),
}
LATE = {
    Late.LATEST: Words("补发，几条都晚了只发最后一条", "sent late; of several that are late, only the last"),
    Late.SEND: Words("补发", "sent late"),
    Late.SKIP: Words("不再发送", "not sent"),
}
NOTHING = Words("", "")
DAYS = {0: Words("当天", "on the day"), 1: Words("前一天", "the day before")}


def rules_typed() -> list[dict[str, Any]]:
    """The rows that name somebody, in order."""
    rows = [
        {field: request.form.get(f"reminder_rules.{n}.{field}") or None for field in FIELDS} for n in range(MOST_RULES)
    ]
    return [{field: value for field, value in row.items() if value is not None} for row in rows if row["to"]]


def rule_values(activity: Activity) -> dict[str, Any]:
    """What the fields of the rows show."""
    rules = [ReminderRule.model_validate(rule) for rule in activity.reminder_rules]
    return {
        f"reminder_rules.{n}.{field}": _shown(getattr(rule, field)) for n, rule in enumerate(rules) for field in FIELDS
    }


def rule_choices() -> dict[str, list[tuple[str, str]]]:
    """What the fields of a row offer, in the reader's language."""
    return {
        "to": [(str(to), str(words)) for to, words in TO.items()],
        "late": [(str(late), str(words)) for late, words in LATE.items()],
    }


def in_words(rule: ReminderRule) -> str:
    """A rule as one says it."""
    if rule.minutes_before is not None:
        lead = duration(rule.minutes_before)
        when = Words(f"提前 {lead.zh}", f"{lead.en} before")
    else:
        days = rule.days_before or 0
        day = DAYS.get(days, Words(f"提前 {days} 天", f"{days} days before"))
        when = Words(f"{day.zh} {rule.at}", f"{day.en} at {rule.at}")
    only = (
        Words("，只提醒还没确认会来的", ", only who has not said that they will come")
        if rule.only_unconfirmed
        else NOTHING
    )
    late = (
        NOTHING if rule.late == Late.LATEST else Words(f"，晚了{LATE[rule.late].zh}", f", if late {LATE[rule.late].en}")
    )
    to = TO[rule.to]
    return str(Words(f"{when.zh}，{to.zh}{only.zh}{late.zh}", f"{when.en}, to {to.en}{only.en}{late.en}"))


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "on" if value else ""
    return value
