"""The few pages of Shopify's admin that a merchant sees of us."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flask import render_template_string

from tests.emulators.shopify.state import App, Shop

_FRAME = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }}</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#222}
header{background:#1a1a1a;color:#fff;padding:.6rem 1rem;border-radius:.5rem}
button,a.button{font:inherit;padding:.5rem 1rem;border-radius:.5rem;border:1px solid #888;
background:#fff;color:#222;text-decoration:none;display:inline-block;cursor:pointer}
button.first,a.first{background:#1a1a1a;color:#fff}form{display:inline}li{margin:.2rem 0}
</style></head><body><header>Shopify, emulated</header>
"""
_CONSENT = """<h1>Install {{ app.title }}</h1>
<p>{{ app.title }} asks to do this in <b>{{ shop.name }}</b> ({{ shop.domain }}):</p>
<ul>{% for scope in scopes %}<li><code>{{ scope }}</code></li>{% endfor %}</ul>
<form method="post"><button class="first" name="answer" value="install">Install</button>
<button name="answer" value="cancel">Cancel</button></form></body></html>"""
_ERROR = """<h1>Oauth error</h1><p>{{ text }}</p></body></html>"""
_APPS = """<h1>{{ shop.name }}: apps</h1>
{% if shop.scopes is none %}<p>No app is installed.</p>
<a class="button first" href="{{ entry }}">Install {{ app.title }}</a>
{% else %}<p>{{ app.title }} is installed. It may:</p>
<ul>{% for scope in shop.scopes|sort %}<li><code>{{ scope }}</code></li>{% endfor %}</ul>
<a class="button first" href="{{ entry }}">Open {{ app.title }}</a>
<form method="post" action="uninstall"><button>Uninstall {{ app.title }}</button></form>
<form method="post" action="order"><button>Let somebody order again</button></form>
{% endif %}
<p>{{ shop.customers|length }} customers, {{ shop.orders|length }} orders,
{{ shop.products|length }} products.</p></body></html>"""
_SHOPS = """<h1>Shops</h1><ul>{% for shop in shops %}
<li><a href="/{{ shop.domain }}/admin/apps">{{ shop.name }}</a> ({{ shop.domain }})</li>
{% endfor %}</ul></body></html>"""


def consent(shop: Shop, app: App, scopes: Sequence[str]) -> str:
    """Return the page on which the merchant approves."""
    title = f"Install {app.title}"
    return render_template_string(_FRAME + _CONSENT, title=title, shop=shop, app=app, scopes=scopes)


def oauth_error(text: str) -> str:
    """Return what the merchant sees when our request is refused."""
    return render_template_string(_FRAME + _ERROR, title="Oauth error", text=text)


def apps(shop: Shop, app: App, entry: str) -> str:
    """Return the shop's page of apps: install, open, uninstall."""
    return render_template_string(_FRAME + _APPS, title="Apps", shop=shop, app=app, entry=entry)


def shops(found: Iterable[Shop]) -> str:
    """Return the list of shops."""
    return render_template_string(_FRAME + _SHOPS, title="Shops", shops=list(found))
