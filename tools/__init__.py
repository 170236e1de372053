"""Commands of the project itself: they are not in the image."""
