"""HOME 3: a neural memory beside the attention of a pretrained model (memory as a gate)."""
