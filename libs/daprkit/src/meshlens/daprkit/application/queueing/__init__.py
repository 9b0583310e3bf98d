"""Which requests may be in the service, and which of them is next."""
