"""Detectors: pure functions from columns and state to findings. Import only `schemas`."""
