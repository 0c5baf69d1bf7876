"""Work: rows in our own database with a lease, whoever executes them.

``queue``    defer, claim, extend, settle: the truth about every job
``handlers`` which function does which kind of work
``retry``    the one decision whether and when a failed job is tried again
``execute``  does claimed jobs, here and now
``runner``   lets Huey execute and wake; the only module that knows it
``inbox``    webhooks, kept once
``letterbox`` where they lie while SQLite has no time for them
"""
