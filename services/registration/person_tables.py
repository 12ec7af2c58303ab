"""Every table that says something of a person, in one place: what merging, erasing and the own data file do with it.

A test looks for columns called `person_id` in the database and fails on a table that is not here.
"""

from dataclasses import dataclass

from services.common.errors import Words


@dataclass(frozen=True)
class PersonTable:
    """`key` is the column that names a row whoever it belongs to.

    `moves`: a merge gives the rows to the survivor; what does not move is read through `persons_of`.
    `erased`: an erasure deletes the rows; the others are kept without anything that names the person, and `why` says
    what for. `blank` sets what names the person in a row that is kept.
    `joins` and `more` add to the own data file what makes a row readable; the row itself is `t`.
    """

    name: str
    key: str
    title: Words
    moves: bool = True
    erased: bool = True
    why: Words | None = None
    joins: str = ""
    more: str = ""
    blank: str = ""


_RECORDS = Words("志愿服务记录须保存十年以上", "records of volunteer service are kept for ten years and more")
_ISSUED = Words("证明编号须可查验是否真实；其中的个人信息已删除", "that its number was issued stays verifiable")
_COUNTED = Words("活动人次统计需要，已不含个人身份", "attendance is counted, without saying whose")
_EVIDENCE = Words("证明当时的处理得到同意", "evidence that what was done was agreed to")

PERSON_TABLES = (
    PersonTable("person_sites", "row", Words("个人资料", "personal details")),
    PersonTable("volunteers", "row", Words("志愿者编号", "volunteer number")),
    PersonTable("volunteer_sites", "row", Words("志愿者资料", "volunteer's details")),
    PersonTable("representatives", "id", Words("监护人和代办人", "guardians and helpers")),
    PersonTable(
        "team_members",
        "id",
        Words("队伍成员", "memberships of teams"),
        joins="JOIN teams AS g ON g.id = t.team_id",
        more="g.name_zh AS team_zh, g.name_en AS team_en",
    ),
    PersonTable("links", "id", Words("一次性链接", "one-time links")),
    PersonTable(
        "registrations",
        "id",
        Words("报名", "registrations"),
        erased=False,
        why=_COUNTED,
        joins="JOIN shifts AS s ON s.id = t.shift_id JOIN activities AS a ON a.id = t.activity_id",
        more="a.title_zh, a.title_en, a.place, s.starts_at, s.ends_at",
        blank="came_from = NULL",
    ),
    PersonTable("trainings", "id", Words("培训", "trainings"), erased=False, why=_RECORDS),
    PersonTable("awards", "id", Words("表彰", "awards"), erased=False, why=_RECORDS),
    PersonTable("evaluations", "id", Words("评价", "evaluations"), erased=False, why=_RECORDS),
    # A chain of hashes: nothing of it can be rewritten. It holds no name.
    PersonTable(
        "service_records",
        "id",
        Words("志愿服务记录", "service records"),
        moves=False,
        erased=False,
        why=_RECORDS,
    ),
    PersonTable(
        "certificates",
        "id",
        Words("志愿服务证明", "certificates of service"),
        erased=False,
        why=_ISSUED,
        blank="content = ''::bytea",
    ),
    PersonTable(
        "objections",
        "id",
        Words("对记录的异议", "objections to records"),
        erased=False,
        why=_RECORDS,
        blank="words = ''::bytea, decision = ''",
    ),
    PersonTable(
        "consents",
        "id",
        Words("同意", "consents"),
        erased=False,
        why=_EVIDENCE,
        joins="JOIN consent_texts AS c ON c.id = t.text_id",
        more="c.zh AS text_zh, c.en AS text_en, c.number AS text_number",
        blank="guardian = NULL",
    ),
)

MOVED = tuple(table for table in PERSON_TABLES if table.moves)
