"""Transports of requests and answers: OnInvoke, topics, gRPC services."""
