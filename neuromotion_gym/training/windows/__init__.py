"""How training windows are made, one preparation a module."""
