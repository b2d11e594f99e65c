"""The memory: alerts, triage, audit, rollups and the event lake."""
