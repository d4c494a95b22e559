"""What tests share: a real Kafka broker and free ports."""
