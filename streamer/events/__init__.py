"""The published event: its definition, schemas, encoding and records."""
