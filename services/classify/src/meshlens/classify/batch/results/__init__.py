"""The rows of answers, their files, and what they come to."""
