"""What is written into queries, headers, forms and trailers, and read from them."""
