"""Which columns and rows play which part in the analysis."""
