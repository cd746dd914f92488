"""HOME 1: memories that are looked up and go into the prompt."""
