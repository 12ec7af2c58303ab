"""People at their browsers: somebody finds an activity and signs up, a member of staff comes by their invitation, takes
in a list and hands out a certificate. Cookies, forms and links as a browser has them; through the gateway.
"""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from deploy.compose.main_job import MARK
from deploy.compose.project import Project, wait_until
from deploy.compose.steps import Wrong, step
from examples.client import Client
from examples.programme import SUBDISTRICT, ZONE

PASSWORD = f"{MARK} four plain words"
RESIDENT, MEMBER = f"{MARK.lower()}-resident@example.com", f"{MARK.lower()}-staff@example.com"
LIST_BYTES = 890_000
"""Nearly as much as a body may have: it goes through the api's temporary folder."""


def people_at_their_browsers(project: Project) -> None:
    """A resident signs up, staff come by their invitation: with cookies and forms, over plain HTTP on this machine."""
    visit = Visit(project)
    with step("pages: from the start page to a place on a shift"):
        visit.sign_up()
    with step("pages: staff set a password by the link of their mail, log out, log in"):
        visit.staff()
    with step("pages: a list as large as a body may be is taken in and checked") as note:
        note(visit.list_of_people())
    with step("pages: a certificate as PDF, with our own font") as note:
        note(visit.certificate())


class Browser:
    """Keeps cookies, follows redirects, sends forms with what they hide."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy of the environment leads away from this machine
        self._session.headers.update({"Accept": "text/html", "Accept-Language": "en", "Sec-Fetch-Site": "same-origin"})
        self.page = ""

    def open(self, address: str, words: str) -> requests.Response:
        """Go there. Raises `Wrong` unless the page has these words."""
        return self._show(self._session.get(self._whole(address), timeout=60), words)

    def send(self, address: str, words: str, file: bytes | None = None, **fields: Any) -> requests.Response:
        """Send a form of the page that is open; the page after it must have these words."""
        hidden = dict(re.findall(r'type="hidden" name="(csrf_token|ticket)" value="([^"]*)"', self.page))
        files = {"file": ("list.csv", file, "text/csv")} if file else None
        return self._show(
            self._session.post(self._whole(address), data=hidden | fields, files=files, timeout=60), words
        )

    def link(self, pattern: str) -> str:
        """The first address on the page that matches."""
        found = re.search(f'href="({pattern})"', self.page)
        if found is None:
            raise Wrong(f"no link {pattern} on the page: {self._words()}")
        return html.unescape(found[1])

    def _whole(self, address: str) -> str:
        if address.startswith("http"):
            return address
        origin = self._url.removesuffix("/registration")
        return origin + address if address.startswith("/registration/") else self._url + address

    def _show(self, answer: requests.Response, words: str) -> requests.Response:
        self.page = answer.text if "html" in answer.headers.get("Content-Type", "") else ""
        if not answer.ok or words not in self.page:
            raise Wrong(
                f"{answer.request.method} …{answer.url[-60:]}: {answer.status_code}, no “{words}”: {self._words()}"
            )
        return answer

    def _words(self) -> str:
        main = self.page.partition("<main")[2] or self.page
        return " ".join(re.sub(r"<[^>]+>", " ", main).split())[:400]


class Visit:
    """`sign_up`, then `staff`, then `certificate`, on a site of its own."""

    def __init__(self, project: Project) -> None:
        self._project, self._mails = project, project.mails
        self._url = url = project.values["PUBLIC_URL"]
        self._operator = Client(url, project.values["OPERATOR_KEY"])
        self._site = self._operator.create(
            "/v1/sites", {"area": SUBDISTRICT.code, "name_zh": "体育馆党群服务中心", "name_en": "Stadium Centre"}
        )
        key = self._operator.create(f"/v1/sites/{self._site['id']}/keys", {"label": "compose-test"})["key"]
        self._programme = Client(url, key)
        self._member = Browser(url)

    def sign_up(self) -> None:
        """From the start page to a place, without an account."""
        activity = self._programme.create(
            "/v1/activities",
            {
                "kind": "class",
                "title_zh": "指尖科普课堂",
                "title_en": "Smartphone Class",
                "place": "二楼教室",
                "volunteering": True,
                "risks_zh": "没有电梯。",
                "risks_en": "There is no lift.",
                "reminder_minutes": [],
            },
        )
        now = datetime.now(UTC)
        hours = {"starts_at": _ago(now, -60), "ends_at": _ago(now, -120)}
        shift = self._programme.create(f"/v1/activities/{activity['id']}/shifts", hours | {"capacity": 5})
        self._programme.act(f"/v1/activities/{activity['id']}/publish")
        resident = Browser(self._url)
        resident.open("/?q=Stadium", "Stadium Centre")
        resident.open(resident.link(f"/registration/sites/{self._site['id']}"), "Smartphone Class")
        resident.open(resident.link(f"/registration/activities/{activity['id']}"), "There is no lift.")
        form = resident.link(f"/registration/shifts/{shift['id']}/sign-up")
        resident.open(form, "Begin to sign up")
        resident.send(f"{form}/begin", "kept for you until")
        told: dict[str, Any] = {"name": f"{MARK}居民", "contact": RESIDENT, "birth_date": "1950-02-03"}
        resident.send(form, "You have a place", agreed="on", **told)
        (self._registration,) = self._programme.every(f"/v1/shifts/{shift['id']}/registrations")

    def staff(self) -> None:
        """From the mail of an invitation to the first page of staff; and once more by the log-in page."""
        grant = {"role": "site_staff", "site_id": self._site["id"]}
        self._operator.create(
            "/v1/staff", {"email": MEMBER, "name": f"{MARK}工作人员", "language": "en", "grants": [grant]}
        )
        member, link = self._member, self._link_of_mail(MEMBER)
        member.open(link, "Set your password")
        member.send(link, "Your password is set", password=PASSWORD)
        member.send("/staff/log-out", "You are logged out")
        member.send("/staff/log-in", "", email=MEMBER, password=PASSWORD)
        member.open("/staff/sites", "Stadium Centre")
        if 'name="site_id"' in member.page:  # with one site alone they are there already
            member.send("/staff/site", "You work at this site now", site_id=self._site["id"])
        member.open("/staff/", "Smartphone Class")

    def list_of_people(self) -> str:
        """A file as large as a form may send is checked by the worker."""
        rows = ["姓名,电话,备注\n"]
        rows += [f"{MARK}{number},199{number:08d},{'x' * 4400}\n" for number in range(200)]
        content = "".join(rows).encode()
        self._member.open("/staff/imports", "file")
        page = self._member.send("/staff/imports", "being checked", kind="people", file=content).url
        if not wait_until(lambda: "Bring it in" in self._member.open(page, "").text, 60):
            raise Wrong("the worker did not check a list within a minute")
        return f"{len(content) // 1000} kB"

    def certificate(self) -> str:
        """An hour of service on paper, with Chinese characters of our own font."""
        registration = self._registration
        self._earn(registration["id"], registration["shift_id"])
        address = f"/staff/hours/people/{registration['person_id']}"
        self._member.open(address, "Service altogether")
        today, day = datetime.now(ZONE).date(), timedelta(days=1)
        # The shift keeps the day on which it was to begin: tomorrow, where it is late in the evening.
        self._member.send(
            f"{address}/certificates", "The certificate is made", period_from=today - day, period_to=today + day
        )
        paper = self._member.open(self._member.link(r"/registration/v1/certificates/[^\"]+"), "").content
        if not paper.startswith(b"%PDF-") or len(paper) < 10_000:
            raise Wrong(f"a certificate of {len(paper)} bytes that begins with {paper[:20]!r}")
        return f"{len(paper) // 1000} kB"

    def _earn(self, registration: str, shift: str) -> None:
        """It was earlier today after all, and they came."""
        now = datetime.now(UTC)
        # Nobody may move a shift to before now; a test has no two hours to wait.
        times = f"starts_at = '{_ago(now, 100)}', ends_at = '{_ago(now, 10)}'"
        before = f"UPDATE registrations SET created_at = '{_ago(now, 100)}' WHERE shift_id = '{shift}'"  # noqa: S608
        moved = f"SET hesheng.site = '*'; UPDATE shifts SET {times} WHERE id = '{shift}'; {before}"  # noqa: S608
        psql = 'PGPASSWORD="$POSTGRES_PASSWORD" psql --host=127.0.0.1 --username="$POSTGRES_USER" registration'
        self._project.inside("postgres", "sh", "-c", f'{psql} --command="{moved}"')
        self._programme.act(f"/v1/registrations/{registration}/check-in", {"at": _ago(now, 90)})
        self._programme.act(f"/v1/registrations/{registration}/check-out", {"at": _ago(now, 30)})

    def _link_of_mail(self, address: str) -> str:
        """The link that was mailed there."""
        found: list[dict[str, Any]] = []

        def arrived() -> bool:
            listed = requests.get(f"{self._mails}/mails.json", timeout=20).json()
            found[:] = [mail for mail in listed if mail["to"] == address]
            return bool(found)

        if not wait_until(arrived, 60):
            raise Wrong("no mail came with an invitation")
        page = html.unescape(requests.get(f"{self._mails}/mails/{found[0]['file']}", timeout=20).text)
        link = re.search(re.escape(self._url) + r"/links/[^\s<\"]+", page)
        if link is None:
            raise Wrong(f"no link to {self._url} in the mail")
        return link[0]


def _ago(now: datetime, minutes: int) -> str:
    return (now - timedelta(minutes=minutes)).isoformat()
