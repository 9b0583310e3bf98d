"""Files around a table: compressed bodies, archives, workbooks; and files that hold none."""
