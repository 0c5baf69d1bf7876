"""Integration: ties connectors and segmentation together, keeps the data and talks to Mailchimp."""
