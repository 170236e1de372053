"""AdmissionReview in, engine, AdmissionReview out."""
