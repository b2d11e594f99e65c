"""Whether an incident's tokens still work, and what was reached with them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0002"


def upgrade() -> None:
    """Change the tables; there is no way back but a backup."""
    with op.batch_alter_table("incidents") as incidents:
        incidents.add_column(sa.Column("containment", sa.JSON()))
        incidents.add_column(sa.Column("blast_radius", sa.JSON()))
