"""Mail that Stipt prepares: drafts for the marketer, and rules that write by themselves."""
