"""Events that start the merchant's own flows in Mailchimp, and whether those flows really run."""
