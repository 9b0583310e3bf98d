"""Pictures and tables that are objects behind an output binding of Dapr."""
