"""What a picture shows: one module for each thing."""
