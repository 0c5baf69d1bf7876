"""Which products to show whom."""
