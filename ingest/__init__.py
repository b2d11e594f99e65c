"""Sources, vendor logs, decoding, privacy, dead letters and event-time order."""
