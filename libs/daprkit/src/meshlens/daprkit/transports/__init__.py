"""What carries requests to the application and answers back: OnInvoke, topics, gRPC services."""
