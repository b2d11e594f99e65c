"""Detectors of how much tokens, keys, users and clients are used."""
