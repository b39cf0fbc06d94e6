"""Data sets: one folder each, found by walking; sessions of a part, and what a loop plays."""
