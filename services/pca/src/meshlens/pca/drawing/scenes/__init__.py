"""What a picture shows in data units, one module for each kind."""
