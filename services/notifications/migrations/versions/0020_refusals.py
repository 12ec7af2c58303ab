"""Who refused announcements is found by an index: each count of whom one goes to asks for them."""

from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Make it."""
    op.execute("""
        CREATE INDEX preferences_no_announcements ON preferences (site_id, person_id)
        WHERE refused && '{announcement.mail,announcement.sms}'
    """)
