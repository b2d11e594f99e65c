"""How tokens are made, carried and checked."""
