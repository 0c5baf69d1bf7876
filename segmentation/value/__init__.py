"""What a customer will be worth: whether still a customer, how many orders, how much money."""
