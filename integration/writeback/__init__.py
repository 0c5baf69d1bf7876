"""Consent write-back: what people change in Mailchimp about mail, told to the shop. Off by default.

Only a change that a person made there after the merchant switched it on, and that is newer than
what the shop has, is written; once a day and customer at most. What the shop itself, an import or
Stipt stated never goes back.
"""
