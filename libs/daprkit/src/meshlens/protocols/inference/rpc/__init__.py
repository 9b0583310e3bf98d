"""The Open Inference Protocol over gRPC, as Triton, KServe and MLServer speak it."""
