"""Detectors of refresh token misuse."""
