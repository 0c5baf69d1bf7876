"""Emulated e-commerce: stores with their customers, products, orders, carts and promotions."""
