"""Routes: who was erased."""

from apiflask import APIBlueprint
from flask import Response

from services.common.auth import Caller, allow
from services.common.conventions import answered
from services.common.database import Database
from services.notifications.operations.erasures import list_erasures
from services.notifications.schemas.erasures import ErasureAnswer, ErasureList, ErasuresQuery


def erasures_blueprint(database: Database) -> APIBlueprint:
    """The route of erasures."""
    blueprint = APIBlueprint("erasures", __name__, tag="Erasures", url_prefix="/v1")

    @blueprint.get("/erasures")
    @allow(Caller.OPERATOR)
    @blueprint.input(ErasuresQuery, location="query", arg_name="query")
    @blueprint.output(ErasureList)
    def show_erasures(query: ErasuresQuery) -> Response:
        """Who was erased, by ids, oldest first: to be kept with the backups (`hesheng erasures`)."""
        found, following = list_erasures(database, query)
        return answered(ErasureList(items=[ErasureAnswer.model_validate(one) for one in found]), following=following)

    return blueprint
