"""How far an announcement has come: its messages by state."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

STATES = text("""
    SELECT state, count(*) AS number FROM messages WHERE announcement_id = :id GROUP BY state ORDER BY state
""")


def states_of(session: Session, announcement_id: UUID) -> dict[str, int]:
    """How many of its messages are in each state; those without any are left out."""
    return {row.state: row.number for row in session.execute(STATES, {"id": announcement_id})}
