"""Contracts: token events, findings, alerts, and the column layout derived from them. Imports nothing of ours."""
