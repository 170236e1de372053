"""Certificates for the webhook. Knows nothing of what the webhook does."""
