"""A server that mem0's clients talk to as if it were mem0's own."""
