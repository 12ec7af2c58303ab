"""Teams with their members from one file, which makes the teams."""

import threading

from services.common.events import TeamSaved
from tests.registration.exchange.files import AGREED, Importer, as_csv
from tests.registration.exchange.test_rosters import members, team
from tests.registration.world import Site, fresh_phone

HEADINGS = ("队伍名称", "队伍种类", "姓名", "手机", "职务", "英文名")


def test_a_list_makes_teams_with_leader_and_members(site: Site, importer: Importer) -> None:
    there, phone = team(site, "舞蹈队"), fresh_phone()
    content = as_csv(
        ("暖阳合唱团", "合唱团", "林小满", phone, "团长", "Warm Sun Choir"),
        ("暖阳合唱团", "choir", "王小明", fresh_phone(), "", ""),
        ("舞蹈队", "合唱团", "林小满", phone, "", ""),
        headings=HEADINGS,
    )
    found = importer.apply(site, content, kind="teams")
    assert (found["applied"], found["new_people"]) == (3, 2)
    teams = site.sql("SELECT id, name_zh, name_en, kind FROM teams WHERE site_id = :id ORDER BY position", id=site.id)
    assert [tuple(one)[1:] for one in teams] == [
        ("舞蹈队", "舞蹈队 en", "choir"),
        ("暖阳合唱团", "Warm Sun Choir", "choir"),
    ]
    made = str(teams[1].id)
    assert members(site, made) == [("member", "leader", AGREED["agreed"]), ("member", "member", AGREED["agreed"])]
    assert len(members(site, there)) == 1
    assert isinstance(site.events(made)[0], TeamSaved)
    importer.apply(site, content, kind="teams")
    assert len(site.sql("SELECT 1 FROM teams WHERE site_id = :id", id=site.id)) == 2
    assert len(members(site, made)) == 2


def test_what_is_wrong_with_teams(site: Site, importer: Importer) -> None:
    team(site, "舞蹈队")
    found = importer.faults(
        site,
        as_csv(
            ("新队", "合唱团", "甲", fresh_phone(), "队长"),
            ("新队", "志愿服务队", "乙", fresh_phone(), ""),
            ("新队", "合唱", "丙", fresh_phone(), "leader"),
            ("舞蹈队", "其他", "丁", fresh_phone(), ""),
            ("舞蹈队", "", "戊", fresh_phone(), ""),
            ("舞蹈队", "球队", "己", fresh_phone(), ""),
            headings=HEADINGS,
        ),
        kind="teams",
    )
    assert found == [
        (3, "B team_kind", "two_kinds"),
        (4, "", "second_leader"),
        (5, "B team_kind", "another_kind"),
        (6, "B team_kind", "missing"),
        (7, "B team_kind", "team_kind"),
    ]
    assert site.sql("SELECT name_zh FROM teams WHERE site_id = :id", id=site.id) == [("舞蹈队",)]


def test_two_files_at_once_make_a_team_once(site: Site, importer: Importer) -> None:
    for number in range(3):
        row = ("暖阳合唱团", "合唱团", f"队员{number}", fresh_phone(), "", "")
        made = importer.check(site, as_csv(row, headings=HEADINGS), kind="teams")["id"]
        site.expect(200, "POST", f"/v1/imports/{made}/apply", AGREED)
    workers = [threading.Thread(target=importer.work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    ((made,),) = site.sql("SELECT id FROM teams WHERE site_id = :id", id=site.id)
    assert len(members(site, str(made))) == 3
