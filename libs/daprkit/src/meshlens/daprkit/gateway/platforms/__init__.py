"""What the events of each platform look like, one platform in each module."""
