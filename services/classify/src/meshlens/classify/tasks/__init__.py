"""What models are used for: each task is one lens, and `table` names all; a `chain` joins two."""
