"""The registration service on a real database. Each test gets sites of its own, so that none needs to clean up."""

import time
import uuid
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from apiflask import APIFlask

from services.common.database import Database
from services.registration.app import make_app
from services.registration.operations.seats import sign_up
from services.registration.operations.staff import attempts
from services.registration.personal_data import PersonalData
from services.registration.settings import Settings
from tests.conftest import NOTIFICATIONS_TOKEN, OPERATOR_KEY, PERSONAL_DATA_KEY, REPORTING_TOKEN
from tests.registration.hours_world import start_clock
from tests.registration.office import Office
from tests.registration.world import Caller, Site, fresh_address, start_hours_over


@pytest.fixture(autouse=True)
def fresh_hours() -> None:
    """Each test's shifts lie in the week ahead, in the order in which they are made."""
    start_hours_over()
    start_clock()


@pytest.fixture(autouse=True)
def time_stands_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """For who may try so often: on a busy machine a test takes longer than it takes until there is one try more."""
    began = time.monotonic()
    monkeypatch.setattr(attempts, "time", SimpleNamespace(monotonic=lambda: began))


@pytest.fixture(autouse=True)
def own_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test's people call from another address: how often one may try is counted in the process, and on a quick
    machine the tests before have used it up."""
    monkeypatch.setattr(Caller, "address", fresh_address())


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """For sign-ups that wait for each other: a busy machine holds locks for longer than people are kept waiting."""
    be_patient(monkeypatch)


def be_patient(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sign_up, "LOCK_TIMEOUT_MS", 12_000)
    patch.setattr(sign_up, "HELD_PATIENCE", 12.0)


@pytest.fixture(scope="session")
def settings(common_settings: Callable[[str], dict[str, str]]) -> Settings:
    """Settings of the service under test."""
    return Settings(
        **common_settings("registration"),
        personal_data_keys=PERSONAL_DATA_KEY,
        blind_index_key="A" * 43 + "=",
        notifications_token=NOTIFICATIONS_TOKEN,
        reporting_token=REPORTING_TOKEN,
        log_level="warning",
    )


@pytest.fixture(scope="session")
def database(settings: Settings) -> Database:
    """The service's database."""
    return Database(settings.database_dsn, pool_size=20)


@pytest.fixture(scope="session")
def data(settings: Settings) -> PersonalData:
    """The service's cipher."""
    return settings.personal_data()


@pytest.fixture(scope="session")
def app(settings: Settings) -> APIFlask:
    """The HTTP application."""
    with pytest.MonkeyPatch.context() as patch:
        be_patient(patch)
        return make_app(settings)


@pytest.fixture(scope="session")
def operator(app: APIFlask) -> Caller:
    """The operator."""
    return Caller(app, OPERATOR_KEY)


@pytest.fixture(scope="session")
def area(operator: Caller) -> str:
    """Code of a province."""
    body = {"parent": None, "level": "province", "name_zh": "山西省", "name_en": "Shanxi"}
    return operator.expect(200, "PUT", "/v1/areas/140000", body)["code"]


@pytest.fixture(scope="session")
def make_site(operator: Caller, area: str, database: Database) -> Callable[..., Site]:
    """Makes sites with a key."""

    def make(**fields: str) -> Site:
        name = uuid.uuid4().hex[:6]
        body = {"area": area, "name_zh": f"站点 {name}", "name_en": f"Site {name}"} | fields
        made = operator.expect(201, "POST", "/v1/sites", body)
        key = operator.expect(201, "POST", f"/v1/sites/{made['id']}/keys", {"label": "test"})["key"]
        return Site(operator.app, key, made["id"], database)

    return make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """A site."""
    return make_site()


@pytest.fixture
def other(make_site: Callable[..., Site]) -> Site:
    """Another site."""
    return make_site()


@pytest.fixture(scope="session")
def office(app: APIFlask, database: Database, data: PersonalData) -> Office:
    """Where staff come from."""
    return Office(app, database, data)


@pytest.fixture(scope="session")
def make_area(operator: Caller, area: str) -> Callable[..., str]:
    """Makes areas, directly within the province unless another is named."""

    def make(parent: str | None = None, level: str = "city") -> str:
        body = {"parent": parent or area, "level": level, "name_zh": "区划", "name_en": "Area"}
        return operator.expect(200, "PUT", f"/v1/areas/{uuid.uuid4().hex[:16]}", body)["code"]

    return make
