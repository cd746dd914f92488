"""HOME 2: facts in the weights, as gated low-rank changes of MLP projections."""
