"""Pure tensor maths: each fast kernel beside its slow oracle, state passed in and out."""
