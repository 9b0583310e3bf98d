"""PCA of tables larger than memory: jobs over the parts of a source."""
