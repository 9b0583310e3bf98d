"""Jobs in parts: pure functions over an object store, run by a loop here or by a workflow."""
