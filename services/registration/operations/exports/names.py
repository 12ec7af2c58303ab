"""What an export says beside a bare id: the person's name, the activity's title, when the shift begins.

Names are what this site was told, and come as ciphertext. Who was merged is called like who they are by now. Whoever
has no details at the site (any more) is `NOBODY`.
"""

from collections.abc import Callable
from typing import Any

from services.common.errors import Words
from services.registration.table_words import COLUMNS

NOBODY = "〔资料已删除 · details erased〕"
"""In both languages, as everything in these tables."""

PEOPLE = ("person_id", "to_person_id", "merged", "survivor", "one", "two")
SIGNED_UP = ("registration_id", "other_registration_id")
SEVERAL = "people"
"""The one column of several ids."""
TITLED = {
    "activity_id": ("activities", "title_zh"),
    "organisation_id": ("organisations", "name_zh"),
    "programme_id": ("programmes", "title_zh"),
    "room_id": ("rooms", "name_zh"),
    "team_id": ("teams", "name_zh"),
    "venue_id": ("venues", "name_zh"),
}
NAMED = (*PEOPLE, *SIGNED_UP, SEVERAL, *TITLED, "shift_id")
"""Columns of ids that have a name. A test asks the catalogue for missing ones."""

WORDS = COLUMNS | {"other_registration_id": Words("对方的报名", "the other registration")}


def heading(column: str) -> str:
    """What the column beside is called: `person_name` for `person_id`, `survivor_name` for `survivor`."""
    return f"{column.removesuffix('_id')}_name"


def meaning(column: str) -> Words:
    """What stands in the column beside."""
    of = WORDS[column]
    if column == "shift_id":
        return Words(f"{of.zh}：活动、角色、开始时间", f"{of.en}: activity, role, start")
    if column in TITLED:
        return Words(f"{of.zh}：名称", f"{of.en}: name")
    return Words(f"{of.zh}：姓名", f"{of.en}: name of the person")


def cell(column: str) -> str:
    """The name of what the table `t` holds the id of, as SQL. `:site` and `:zone` are the site's id and time zone."""
    own = f't."{column}"'
    if column in TITLED:
        table, title = TITLED[column]
        return f"(SELECT {title} FROM {table} WHERE id = {own})"  # noqa: S608 (names of our own)
    if column in SIGNED_UP:
        return _person(f"(SELECT person_id FROM registrations WHERE id = {own})")  # noqa: S608 (a column's name)
    if column == SEVERAL:
        each = _person("u.id")
        return f"ARRAY(SELECT {each} FROM unnest({own}) WITH ORDINALITY AS u (id, place) ORDER BY place)"  # noqa: S608
    return _SHIFT.format(id=own) if column == "shift_id" else _person(own)


_SHIFT = (
    "(SELECT concat_ws(' ', a.title_zh, nullif(s.role_zh, ''),"
    " to_char(s.starts_at AT TIME ZONE cast(:zone AS text), 'YYYY-MM-DD HH24:MI'))"
    " FROM shifts AS s JOIN activities AS a ON a.id = s.activity_id WHERE s.id = {id})"
)


def _person(found: str) -> str:
    told = f"SELECT n.name FROM person_sites AS n WHERE n.site_id = :site AND n.person_id = {found}"  # noqa: S608
    now = "SELECT n.name FROM people AS m JOIN person_sites AS n ON n.person_id = m.merged_into"
    return f"coalesce(({told}), ({now} WHERE n.site_id = :site AND m.id = {found}))"


def written(read: Callable[[bytes], str], column: str, named: Any, has_id: bool) -> str:
    """The name as the table shows it; `read` gives a person's from the ciphertext."""
    if not has_id:
        return ""
    if column == SEVERAL:
        return "、".join(read(bytes(one)) if one else NOBODY for one in named or ())
    if isinstance(named, bytes | memoryview):
        return read(bytes(named))
    return str(named or "") if column in TITLED or column == "shift_id" else NOBODY
