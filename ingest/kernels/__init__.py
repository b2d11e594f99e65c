"""Loops over bytes, compiled. They know JSON, text, numbers and times, and nothing of token events."""
