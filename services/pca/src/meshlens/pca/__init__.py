"""Principal component analysis: points in, model, scores and picture out."""
