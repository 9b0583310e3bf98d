"""What callers get: the results of the methods as typed answers, in the media type they prefer."""
