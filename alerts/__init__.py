"""Findings become alerts: episodes, ids, risk, formats and publishing sinks."""
