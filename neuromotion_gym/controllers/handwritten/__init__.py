"""Hand-written controllers. Every class here with a ``name`` is a controller of that name; there is no other list."""
