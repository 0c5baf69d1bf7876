// What visitors of a store look at, for Stipt; docs/shopify.md says what becomes of it.
import { register } from "@shopify/web-pixels-extension";

register(({ analytics, browser, customerPrivacy, init, settings }) => {
  let permission = init.customerPrivacy;
  customerPrivacy.subscribe("visitorConsentCollected", (event) => {
    permission = event.customerPrivacy;
  });

  function send(event, told) {
    const analytics = permission?.analyticsProcessingAllowed === true;
    const marketing = permission?.marketingAllowed === true;
    if (!analytics || !marketing) return;
    if ("product" in told && told.product == null) return;
    const customer = told.customer ?? init.data?.customer?.id;
    const message = {
      id: event.id,
      event: event.name,
      at: event.timestamp,
      client: event.clientId,
      analytics,
      marketing,
      product: told.product == null ? undefined : String(told.product),
      search: told.search?.slice(0, 100),
      checkout: told.checkout ?? undefined,
      customer: customer == null ? undefined : String(customer),
    };
    // A string goes as text/plain, which asks no leave beforehand and outlives the page.
    browser.sendBeacon(`${settings.endpoint}/${settings.key}`, JSON.stringify(message));
  }

  analytics.subscribe("product_viewed", (event) => {
    send(event, { product: event.data?.productVariant?.product?.id });
  });
  analytics.subscribe("search_submitted", (event) => {
    send(event, { search: event.data?.searchResult?.query });
  });
  for (const name of ["product_added_to_cart", "product_removed_from_cart"]) {
    analytics.subscribe(name, (event) => {
      send(event, { product: event.data?.cartLine?.merchandise?.product?.id });
    });
  }
  for (const name of ["checkout_started", "checkout_completed"]) {
    analytics.subscribe(name, (event) => {
      const checkout = event.data?.checkout;
      send(event, { checkout: checkout?.token, customer: checkout?.order?.customer?.id });
    });
  }
});
