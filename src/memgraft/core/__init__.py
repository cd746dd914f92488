"""Plain values and contracts that every part of memgraft shares. Nothing here imports torch."""
