"""What seats need in the database."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Nothing yet."""
