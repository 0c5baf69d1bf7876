"""Runs of rules on their way through Mailchimp: list, campaign, checklist, moment, and their end.

A run is a list of people in a static segment of its own, a campaign to it, and a moment some hours
ahead. Every step is written down before and settled after its call, so that a worker may be killed
anywhere: there is never a second campaign for a run, and when the answer to a schedule call is
lost, the campaign is read before anything else is done. For a rule that is off nothing is
scheduled, and what was is stopped.
"""
