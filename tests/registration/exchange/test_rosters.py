"""Rosters: people and their teams from one file."""

from services.common.events import TeamMemberJoined
from tests.registration.exchange.files import AGREED, Importer, as_csv
from tests.registration.world import Site, fresh_phone

HEADINGS = ("队伍", "姓名", "电话", "角色")


def team(site: Site, name: str) -> str:
    """Id of a new team."""
    return site.expect(201, "POST", "/v1/teams", {"name_zh": name, "name_en": f"{name} en", "kind": "choir"})["id"]


def members(site: Site, team_id: str) -> list[tuple[str, str, str]]:
    """(status, role, how they agreed) of the team's members."""
    rows = site.sql("SELECT status, role, agreed FROM team_members WHERE team_id = :id ORDER BY role", id=team_id)
    return [tuple(row) for row in rows]


def test_a_roster_makes_members_of_their_own_will(site: Site, importer: Importer) -> None:
    choir, dance = team(site, "暖阳合唱团"), team(site, "舞蹈队")
    phone = fresh_phone()
    rows = [
        ("暖阳 合唱团", "林小满", phone, "队长"),
        ("暖阳合唱团", "王小明", fresh_phone(), ""),
        ("舞蹈队 en", "林小满", phone, "队员"),
    ]
    content = as_csv(*rows, headings=HEADINGS)
    found = importer.apply(site, content, kind="roster")
    assert (found["applied"], found["new_people"]) == (3, 2)
    assert members(site, choir) == [("member", "leader", AGREED["agreed"]), ("member", "member", AGREED["agreed"])]
    assert members(site, dance) == [("member", "member", AGREED["agreed"])]
    joined = [event for event in site.events(choir) if isinstance(event, TeamMemberJoined)]
    assert len(joined) == 3, "two who joined, one who leads"
    assert importer.apply(site, content, kind="roster")["applied"] == 3
    assert len(members(site, choir)) == 2


def test_what_is_wrong_with_a_roster(site: Site, importer: Importer) -> None:
    choir = team(site, "暖阳合唱团")
    leader = ("暖阳合唱团", "林小满", fresh_phone(), "队长")
    importer.apply(site, as_csv(leader, headings=HEADINGS), kind="roster")
    team(site, "舞蹈队")
    rows = [
        leader,
        ("没有的队", "王小明", fresh_phone(), ""),
        ("暖阳合唱团", "王小明", fresh_phone(), "队长"),
        ("舞蹈队", "甲", "13800008888", "leader"),
        ("舞蹈队", "乙", fresh_phone(), "leader"),
        ("舞蹈队", "甲", "13800008888", ""),
        ("舞蹈队", "丙", fresh_phone(), "司机"),
    ]
    found = importer.faults(site, as_csv(*rows, headings=HEADINGS), kind="roster")
    assert found == [
        (3, "A team", "team"),
        (4, "D role", "leader"),
        (6, "", "second_leader"),
        (7, "", "double"),
        (8, "D role", "role"),
    ]
    assert len(members(site, choir)) == 1
