"""What exchange need in the database."""

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Nothing yet."""
