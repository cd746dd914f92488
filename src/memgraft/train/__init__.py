"""One plain loop, and what each trained part adds to it."""
