"""Every table that says something of a person, in one place: what merging, erasing and the own data file do with it.

A test asks the database which tables refer to people or to registrations, by whatever name, and fails on one that is
not here or whose column `whose` does not mention.
"""

from dataclasses import dataclass

from services.common.errors import Words

OWN = "t.person_id = ANY(:people)"
OF_REGISTRATION = "t.registration_id IN (SELECT id FROM registrations WHERE person_id = ANY(:people))"


@dataclass(frozen=True)
class PersonTable:
    """`key` is the column that names a row whoever it belongs to. `whose` says which rows concern the people `:people`;
    the row is `t`. `everywhere`: the rows hold for every site; some of others may belong to none (null).

    `moves`: a merge gives the rows to the survivor; what does not move is read through `persons_of`.
    `erased`: an erasure deletes the rows; the others are kept without anything that names the person, and `why` says
    what for. `blank` sets what names the person in a row that is kept.
    `joins` and `more` add to the own data file what makes a row readable; `columns` leaves away what is another's.
    """

    name: str
    key: str
    title: Words
    whose: str = OWN
    everywhere: bool = False
    moves: bool = True
    erased: bool = True
    why: Words | None = None
    columns: str = "t.*"
    joins: str = ""
    more: str = ""
    blank: str = ""


_RECORDS = Words("志愿服务记录须保存十年以上", "records of volunteer service are kept for ten years and more")
_ISSUED = Words("证明编号须可查验是否真实；其中的个人信息已删除", "that its number was issued stays verifiable")
_COUNTED = Words("活动人次统计需要，已不含个人身份", "attendance is counted, without saying whose")
_EVIDENCE = Words("证明当时的处理得到同意", "evidence that what was done was agreed to")
_MERGED = Words("人数不重复统计需要，已不含个人身份", "nobody is counted twice, without saying who it was")
_ACTIVITY = (
    "JOIN registrations AS r ON r.id = t.registration_id JOIN shifts AS s ON s.id = r.shift_id"
    " JOIN activities AS a ON a.id = r.activity_id"
)

PERSON_TABLES = (
    PersonTable("person_sites", "row", Words("个人资料", "personal details")),
    PersonTable("volunteers", "row", Words("志愿者编号", "volunteer number"), everywhere=True),
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
    PersonTable(
        "attendance_entries",
        "id",
        Words("签到签退", "check-ins and check-outs"),
        whose=OF_REGISTRATION,
        moves=False,
        erased=False,
        why=_RECORDS,
        columns="t.site_id, t.what, t.at, t.how, t.made_by, t.received_at",
        joins=_ACTIVITY,
        more="a.title_zh, a.title_en",
    ),
    PersonTable(
        "later_entries",
        "id",
        Words("补录的时长", "hours entered later"),
        whose=OF_REGISTRATION,
        moves=False,
        erased=False,
        why=_RECORDS,
        joins=_ACTIVITY,
        more="a.title_zh, a.title_en",
        # what staff wrote may name the person
        blank="reason = '', decision = '', version = version + 1",
    ),
    PersonTable(
        "calls",
        "id",
        Words("待打的电话", "calls to make"),
        whose=OF_REGISTRATION,
        moves=False,
        joins=_ACTIVITY,
        more="a.title_zh, a.title_en",
    ),
    # Who asks and who is asked: neither is told who the other was.
    PersonTable(
        "transfers",
        "id",
        Words("名额转让", "hand-overs and swaps of places"),
        whose=f"(t.to_person_id = ANY(:people) OR {OF_REGISTRATION}"
        f" OR {OF_REGISTRATION.replace('registration_id', 'other_registration_id')})",
        moves=False,
        erased=False,
        why=_COUNTED,
        columns="t.id, t.site_id, t.kind, t.status, t.created_at, t.decided_at",
        joins=_ACTIVITY,
        more="a.title_zh, a.title_en, s.starts_at, t.to_person_id = ANY(:people) AS was_asked",
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
    # A mark that turned out to be right; its subject begins with the person's id, or a record's of theirs.
    PersonTable(
        "cleared_flags",
        "id",
        Words("核查过的时长提示", "flags on hours that were looked into"),
        whose="left(t.subject, 36) IN (SELECT id::text FROM people WHERE id = ANY(:people)"
        " UNION SELECT id::text FROM service_records WHERE person_id = ANY(:people))",
        moves=False,
        erased=False,
        why=_RECORDS,
        columns="t.id, t.site_id, t.kind, t.reason, t.cleared_by, t.cleared_at",
        blank="reason = ''",
    ),
    # The others of a batch are left away.
    PersonTable(
        "certificate_batches",
        "id",
        Words("成批出具证明的申请", "requests for certificates of several people"),
        whose="t.people && :people",
        moves=False,
        erased=False,
        why=_ISSUED,
        columns="t.id, t.site_id, t.period_from, t.period_to, t.asked_at",
        more="t.asked_by",
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
    PersonTable(
        "merges",
        "id",
        Words("合并的重复记录", "doubles that were made one"),
        whose="(t.merged = ANY(:people) OR t.survivor = ANY(:people))",
        moves=False,
        erased=False,
        why=_MERGED,
        columns="t.id, t.site_id, t.reason, t.made_by, t.made_at, t.undone_at, t.undone_by",
    ),
    PersonTable(
        "two_people",
        "id",
        Words("与相像者不是同一人的认定", "decisions that somebody like them is another person"),
        whose="(t.one = ANY(:people) OR t.two = ANY(:people))",
        moves=False,
        columns="t.id, t.site_id, t.made_by, t.made_at",
    ),
)

MOVED = tuple(table for table in PERSON_TABLES if table.moves)
