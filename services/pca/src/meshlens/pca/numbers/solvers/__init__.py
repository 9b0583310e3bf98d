"""Ways to find principal components, and which one suits a table; imports numpy only."""
