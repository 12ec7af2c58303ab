"""What the tests of imports and exports share."""

import pytest

from services.common.database import Database
from services.registration.personal_data import PersonalData
from tests.registration.exchange.files import Importer


@pytest.fixture
def importer(database: Database, data: PersonalData) -> Importer:
    """Takes files all the way."""
    return Importer(database, data)
