"""The method `gateway`: an HTTP event of a function platform in, an answer of its shape out."""
