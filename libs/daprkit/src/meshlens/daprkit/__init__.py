"""What any Dapr gRPC app needs around its domain."""
