"""Other people's ways of writing facts, which ours are compared with in the same run."""
