"""What the API server sends to the webhook."""
