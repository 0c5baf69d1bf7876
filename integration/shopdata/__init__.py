"""The shop in Mailchimp's e-commerce: stores, products, customers, orders and carts."""
