"""Recordings, their parts, and the sources that stream them into the loop."""
