"""The other services' requests, counted by what they ask."""

from types import SimpleNamespace

import pytest

from services.common import rates
from services.registration.app import make_app
from services.registration.settings import Settings
from tests.conftest import NOTIFICATIONS_TOKEN


def test_one_question_asked_too_often_holds_up_no_other(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever shows cookies by the thousand to notifications' pages keeps no mail from going out."""
    monkeypatch.setattr(rates, "time", SimpleNamespace(time=lambda: 60.0))
    client = make_app(settings.model_copy(update={"rate_limit": 3})).test_client()

    def status(path: str) -> int:
        headers = {"Authorization": f"Bearer {NOTIFICATIONS_TOKEN}"}
        return client.post(f"/internal/{path}", json={"staff": "guessed", "people": []}, headers=headers).status_code

    assert [status("sessions") for _ in range(4)] == [200, 200, 200, 429]
    assert status("contacts") != 429
