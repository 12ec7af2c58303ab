"""The kinds of caller: two sites under two cities, with everybody who might knock at the first one's door."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from stdnum.cn import ric
from werkzeug.test import TestResponse

from services.common.auth import RESIDENT_COOKIE
from services.common.auth import Caller as Kind
from services.registration.operations.staff.passwords import Hasher
from tests.conftest import NOTIFICATIONS_TOKEN
from tests.registration.office import Member, Office
from tests.registration.world import Caller, Site, resident_cookie


@dataclass(frozen=True)
class Who:
    """A kind of caller: its column in the table, what `allow` calls it, and whether the record is another's."""

    label: str
    kind: Kind
    stranger: bool = False
    operator: bool = False


ANYONE = Who("anyone 任何人", Kind.ANYONE)
WRONG = Who("wrong key 错误密钥", Kind.ANYONE)
SITE = Who("site key 本站密钥", Kind.SITE)
OTHER_SITE = Who("other site's key 他站密钥", Kind.SITE, stranger=True)
STAFF = Who("staff 本站人员", Kind.STAFF)
OTHER_STAFF = Who("other site's staff 他站人员", Kind.STAFF, stranger=True)
ADMIN = Who("area admin 区划管理员", Kind.STAFF)
OTHER_ADMIN = Who("other area's admin 他区管理员", Kind.STAFF, stranger=True)
OPERATOR_STAFF = Who("operator staff 系统管理员", Kind.STAFF, operator=True)
OPERATOR = Who("operator key 运维密钥", Kind.OPERATOR, operator=True)
SERVICE = Who("service 服务", Kind.SERVICE)
RESIDENT = Who("resident 居民", Kind.PERSON)
OTHER_RESIDENT = Who("another resident 其他居民", Kind.PERSON, stranger=True)
ELSEWHERE = Who("resident proven elsewhere 他站链接的居民", Kind.PERSON, stranger=True)
SITELESS = Who("staff without a chosen site 未选站点人员", Kind.STAFF, stranger=True)
NO_GRANT = Who("staff without any grant 无权限人员", Kind.STAFF, stranger=True)

EVERYBODY = (
    ANYONE, WRONG, OTHER_RESIDENT, ELSEWHERE, OTHER_SITE, OTHER_STAFF, OTHER_ADMIN, SITELESS, NO_GRANT,
    SERVICE, RESIDENT, SITE, STAFF, ADMIN, OPERATOR_STAFF, OPERATOR,
)  # fmt: skip
"""Strangers first: what they are refused, they do not use up for the others."""


ID_NUMBER = "11010119900517992" + ric.calc_check_digit("110101199005179920")
PASSWORD = "三月的风吹过汾河两岸的柳树"
HASHED = Hasher().hash(PASSWORD)
RESIDENT_DETAILS = {
    "name": "矩阵居民",
    "email": "matrix@example.com",
    "phone": "+8613911112222",
    "birth_date": "1990-05-17",
}


@dataclass
class Town:
    """Two sites in two cities, with staff and residents; and a third, which knows a resident of the first."""

    operator: Caller
    office: Office
    own: Site
    other: Site
    third: Site
    own_city: str
    other_city: str
    own_district: str

    @cached_property
    def person(self) -> str:
        """The resident whose records are asked for: a volunteer too."""
        person = str(self.own.sign_up(self.own.shift(), **RESIDENT_DETAILS)["person_id"])
        self._register()
        for kind in ("guardian", "helper"):
            told: dict[str, Any] = {"name": "矩阵家人", "email": "matrix-family@example.com"}
            told |= {"agreed": True} if kind == "helper" else {}
            self.own.expect(200, "PUT", f"/v1/people/{person}/{kind}", told)
        # The same person to a third site, but for the address: anybody may have left that one.
        elsewhere = self.third.sign_up(self.third.shift(), **RESIDENT_DETAILS | {"email": "elsewhere@example.com"})
        assert elsewhere["person_id"] == person
        return person

    def _register(self) -> None:
        as_volunteer = {"sex": "female", "terms_consent": True, "id_number": ID_NUMBER, "id_number_consent": True}
        self.own.expect(201, "POST", "/v1/volunteers", RESIDENT_DETAILS | as_volunteer)

    @cached_property
    def _stranger(self) -> str:
        return str(self.other.sign_up(self.other.shift())["person_id"])

    @cached_property
    def accounts(self) -> dict[Who, tuple[str, str | None]]:
        """The account of each kind of staff, and where it works."""

        def make(*grants: tuple[str, str | None, str | None]) -> str:
            return self.office.account(*grants, password=HASHED)

        return {
            STAFF: (make(("site_staff", self.own.id, None)), self.own.id),
            OTHER_STAFF: (make(("site_staff", self.other.id, None)), self.other.id),
            SITELESS: (make(("site_staff", self.own.id, None)), None),
            NO_GRANT: (make(), None),
            ADMIN: (make(("area_admin", None, self.own_city)), self.own.id),
            OTHER_ADMIN: (make(("area_admin", None, self.other_city)), self.other.id),
            OPERATOR_STAFF: (make(("operator", None, None)), self.own.id),
        }

    def people_are_there(self) -> None:
        """Make residents anew whom a route has erased, and the resident a volunteer who is none any more."""
        for name, site in (("person", self.own), ("_stranger", self.other)):
            known = self.__dict__.get(name)
            there = "SELECT FROM person_sites WHERE person_id = :person AND site_id = :site AND name IS NOT NULL"
            if known and not self.own.sql(there, person=known, site=site.id):
                del self.__dict__[name]
        volunteers = "SELECT FROM volunteer_sites WHERE person_id = :person AND site_id = :site"
        if not self.own.sql(volunteers, person=self.person, site=self.own.id):
            self._register()

    def call(self, who: Who, method: str, path: str, **sent: Any) -> TestResponse:
        """One request by that caller. Staff come with a fresh session each time: some routes end it."""
        caller = self._caller(who)
        caller.address = f"10.0.0.{EVERYBODY.index(who)}"  # what one address may try in a minute is no matter here
        return caller.call(method, path, **sent)

    def _caller(self, who: Who) -> Caller | Member:
        app = self.office.app
        if who in self.accounts:
            return self.office.session(*self.accounts[who])
        if who in (RESIDENT, ELSEWHERE, OTHER_RESIDENT):
            person = self._stranger if who is OTHER_RESIDENT else self.person
            at = {RESIDENT: self.own, ELSEWHERE: self.third, OTHER_RESIDENT: self.other}[who].id
            cookie = resident_cookie(self.office.database, self.office.data, person, at)
            return Member(app, person, "", cookie, RESIDENT_COOKIE)
        keys = {
            ANYONE: "",
            WRONG: "hsk_nobodys",
            SITE: self.own.key,
            OTHER_SITE: self.other.key,
            OPERATOR: self.operator.key,
            SERVICE: NOTIFICATIONS_TOKEN,
        }
        return Caller(app, keys[who])
