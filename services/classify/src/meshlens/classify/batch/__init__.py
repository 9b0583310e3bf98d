"""Pictures in bulk: a job that answers every picture of a folder, 500 a part."""
