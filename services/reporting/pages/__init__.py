from apiflask import APIBlueprint
from services.common.database import Database
def pages(database: Database) -> list[APIBlueprint]:
    return []
