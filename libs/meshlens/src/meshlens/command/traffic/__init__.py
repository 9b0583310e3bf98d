"""Traffic of model servers: recorded between clients and a server, sent again, and compared."""
