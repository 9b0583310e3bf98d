"""Principal component analysis itself: arrays in, arrays out; imports numpy only."""
