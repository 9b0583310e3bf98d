"""How people write a number, or that there is none, in a cell of any text format."""

# Cells that are neither numbers nor names: the value is missing.
MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL", "None", "?", ".")
