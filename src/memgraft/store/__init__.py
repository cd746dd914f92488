"""Where records rest: the abstract `Store`, and SQLite as the one that needs nothing else."""
