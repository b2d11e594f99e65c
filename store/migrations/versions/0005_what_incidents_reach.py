"""Whether an incident's tokens still work, and what was reached with them; alerts of detectors on trial."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Change the tables; there is no way back but a backup."""
    with op.batch_alter_table("incidents") as incidents:
        incidents.add_column(sa.Column("containment", sa.JSON()))
        incidents.add_column(sa.Column("blast_radius", sa.JSON()))
    op.create_table(
        "shadow_alerts",
        sa.Column("alert_id", sa.String(length=64), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("detector", sa.String(length=64), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("detected_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_shadow_alerts")),
    )
    op.create_index(op.f("ix_shadow_alerts_start_alert_id"), "shadow_alerts", ["start", "alert_id"])
