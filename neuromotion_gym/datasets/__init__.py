"""Data sets: one folder each, found automatically; sessions of each part; the description of what a loop plays."""
