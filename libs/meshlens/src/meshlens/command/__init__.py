"""The command `meshlens`: runs the mesh on this host, and finds the commands of the services."""
