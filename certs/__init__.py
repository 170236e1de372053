"""Certificates for the webhook. This package never imports the webhook."""
