"""Reading and writing queries, headers, forms and trailers."""
