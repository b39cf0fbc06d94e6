"""The benchmark: decoders by controllers by levels, every episode a row, people as the unit."""
