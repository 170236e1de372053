"""Upstream's own controllers, built from their Go modules, and the images that they start."""
