"""What HTTP writes into text: query strings, media types, forms."""
