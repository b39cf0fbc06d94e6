"""Readers of recordings, one module per format."""
