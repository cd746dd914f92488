"""Text to vectors, and text to what it says: clauses, questions, slots."""
