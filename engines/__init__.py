"""Engines run the pipeline: ingest, detectors, alerts and store under one checkpoint."""
