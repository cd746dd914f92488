"""The language model: load it, attach a recall to it, generate with it."""
