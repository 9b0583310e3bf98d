"""What models are used for: each task is one lens, and `table` names them all."""
