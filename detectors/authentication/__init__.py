"""Detectors of attacks on the act of authenticating: guessing, spraying, stuffing, prompting, probing."""
