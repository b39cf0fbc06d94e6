"""One module for each format that recordings come in."""
