"""What is shipped beside the code: manifests, image, alerts, documents."""
