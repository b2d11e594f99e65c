"""Detectors of places: who is where, and could they have got there."""
