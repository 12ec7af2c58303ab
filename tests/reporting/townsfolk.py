"""Who is in which team, and a volunteer of which site, while people are made one, made two again, and erased."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.common.events import (
    Event,
    PersonErased,
    PersonErasedAtSite,
    PersonMerged,
    TeamMemberJoined,
    TeamMemberLeft,
    TeamSaved,
    VolunteerChanged,
    VolunteerEnded,
    VolunteerRegistered,
)
from tests.reporting.log import MemoryLog
from tests.reporting.scene import an_id
from tests.reporting.world import BANDS, SITES, World

PEOPLE = range(7)
CATEGORIES = [[], ["elders"], ["elders", "music"], ["sport", "music", "elders"]]


@dataclass
class Team:
    name: str
    site: str
    since: datetime
    kind: str = "choir"
    ended_at: datetime | None = None


@dataclass
class Member:
    team: Team
    person: int
    roles: list[tuple[datetime, str]]
    left_at: datetime | None = None


@dataclass
class Volunteer:
    site: str
    person: int
    age_band: str
    how: str
    since: datetime
    offers: list[tuple[datetime, list[str]]]
    ended_at: datetime | None = None


class Townsfolk(World):
    """What is true of teams and volunteers."""

    def __init__(self, log: MemoryLog) -> None:
        self.teams: list[Team] = []
        self.members: list[Member] = []
        self.volunteers: list[Volunteer] = []
        super().__init__(log)

    def numbered(self, person: int) -> dict[str, Any]:
        return {"person_id": an_id(f"person {person}"), "person_number": person}

    def _merge_event(self, model: type[PersonMerged], name: str, merged: int, into: int) -> None:
        if model is PersonMerged:
            edge = self.merges.pop()
            self._end_doubles(merged, into)
            self.merges.append(edge)
        super()._merge_event(model, name, merged, into)

    def _end_doubles(self, *people: int) -> None:
        """One person is in a team once: the later of two memberships ends before they become one."""
        for team in self.teams:
            both = [m for m in self._present(team) if self.counted_as(m.person) in people]
            for member in both[1:]:
                self._leave(member)

    # -- teams -------------------------------------------------------------------------------------------------------

    def found_team(self, which: int, how: int, much: int) -> None:
        team = Team(f"team {len(self.teams)}", SITES[which % 3], self.log.now + timedelta(seconds=1))
        self.teams.append(team)
        self._team_event(team)

    def change_team(self, which: int, how: int, much: int) -> None:
        team = self._pick([t for t in self.teams if t.ended_at is None], which)
        if team:
            team.kind = ["choir", "volunteers", "other"][how % 3]
            if how % 5 == 0:
                for member in self._present(team):
                    self._leave(member)
                team.ended_at = self.log.now + timedelta(seconds=1)
            self._team_event(team)

    def join(self, which: int, how: int, much: int) -> None:
        team, person = self._pick(self.teams, which), self.counted_as(how % 7)
        there = any(self.counted_as(m.person) == person for m in self._present(team))
        if team.ended_at is None and not there:
            member = Member(team, person, [])
            self.members.append(member)
            self._role(member, "member")

    def change_role(self, which: int, how: int, much: int) -> None:
        if member := self._pick([m for t in self.teams for m in self._present(t)], which):
            self._role(member, ["leader", "member"][how % 2])

    def leave(self, which: int, how: int, much: int) -> None:
        if member := self._pick([m for t in self.teams for m in self._present(t)], which):
            self._leave(member)

    def _present(self, team: Team) -> list[Member]:
        return [m for m in self.members if m.team is team and m.left_at is None]

    def _team_event(self, team: Team) -> None:
        names = {"name_zh": "队", "name_en": "Team", "kind": team.kind, "ended": team.ended_at is not None}
        self.log.add(TeamSaved(team_id=an_id(team.name), site_id=an_id(team.site), **names))

    def _role(self, member: Member, role: str) -> None:
        self._member_event(TeamMemberJoined, member, role=role)
        member.roles.append((self.log.now, role))

    def _leave(self, member: Member) -> None:
        self._member_event(TeamMemberLeft, member)
        member.left_at = self.log.now

    def _member_event(self, model: type[Event], member: Member, **more: Any) -> None:
        """Registration tells of whoever the person is by now."""
        ids = {"team_id": an_id(member.team.name), "site_id": an_id(member.team.site)}
        self.log.add(model(**ids, **self.numbered(self.counted_as(member.person)), **more))

    # -- volunteers --------------------------------------------------------------------------------------------------

    def register_volunteer(self, which: int, how: int, much: int) -> None:
        person, where = self.counted_as(how % 7), SITES[which % 3]
        if not list(self._volunteers_at(where, person)):
            offers, band, word = CATEGORIES[much % 4], BANDS[much % len(BANDS)].value, ["desk", "online"][much % 2]
            told = self.numbered(person) | {"categories": offers, "age_band": band, "how": word}
            self.log.add(VolunteerRegistered(site_id=an_id(where), **told))
            now = self.log.now
            self.volunteers.append(Volunteer(where, person, band, word, now, [(now, offers)]))

    def change_volunteer(self, which: int, how: int, much: int) -> None:
        if one := self._pick([v for v in self.volunteers if v.ended_at is None], which):
            person, offers = self.counted_as(one.person), CATEGORIES[much % 4]
            self.log.add(VolunteerChanged(site_id=an_id(one.site), **self.numbered(person), categories=offers))
            for volunteer in self._volunteers_at(one.site, person):
                volunteer.offers.append((self.log.now, offers))

    def _volunteers_at(self, where: str, person: int) -> Iterator[Volunteer]:
        there = [v for v in self.volunteers if v.site == where and v.ended_at is None]
        return (v for v in there if self.counted_as(v.person) == person)

    def erase(self, which: int, how: int, much: int) -> None:
        """Somebody is erased, at one site or everywhere. No event says that they left their teams."""
        person, sites = self.counted_as(which % 7), [SITES[how % 3]] if much % 2 else SITES
        for number in [n for n in PEOPLE if self.counted_as(n) == person]:
            if len(sites) == 1:
                self.log.add(PersonErasedAtSite(site_id=an_id(sites[0]), **self.numbered(number)))
            else:
                self.log.add(PersonErased(person_id=an_id(f"person {number}")))
            for member in self.members:
                if member.person == number and member.team.site in sites and member.left_at is None:
                    member.left_at = self.log.now
        for where in sites:
            ended = list(self._volunteers_at(where, person))
            if ended:
                self.log.add(VolunteerEnded(site_id=an_id(where), **self.numbered(person)))
            for volunteer in ended:
                volunteer.ended_at = self.log.now
