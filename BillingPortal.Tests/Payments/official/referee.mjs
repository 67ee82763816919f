// Stripe's own package against the simulator (as client) and the webhook endpoint (as signer).
// usage: node referee.mjs <portal url> <webhook secret>; exits 0 when both agree with it.
import assert from 'node:assert/strict';
import Stripe from 'stripe';

const [portal, secret] = process.argv.slice(2);
const address = new URL(portal);
const node = Stripe.createNodeHttpClient();
const under = {
  getClientName: () => node.getClientName(),
  makeRequest: (host, port, path, ...rest) => node.makeRequest(host, port, '/stripe-simulator' + path, ...rest),
};
const stripe = new Stripe('sk_test_simulator', { host: address.hostname, port: address.port, protocol: 'http', httpClient: under, maxNetworkRetries: 0 });
const unique = Math.random().toString(36).slice(2);

const press = (url, fields) => fetch(url, { method: 'POST', redirect: 'manual', body: new URLSearchParams(fields) });
const refused = async (promise) => { try { await promise; } catch (error) { return error; } assert.fail('expected an error'); };

async function clientAgrees() {
  assert.equal(stripe.getApiField('version'), '2026-10-28.endive');
  const customer = await stripe.customers.create({ email: 'referee@example.com', metadata: { account: 'x' } });
  assert.equal(customer.object, 'customer');
  assert.equal((await stripe.customers.retrieve(customer.id)).metadata.account, 'x');

  const product = await stripe.products.create({ name: 'Referee plan' });
  const month = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 1000, recurring: { interval: 'month' }, lookup_key: `m_${unique}` });
  const dear = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 3000, recurring: { interval: 'month' } });
  const pack = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 500 });
  assert.equal(month.type, 'recurring');
  assert.equal(pack.unit_amount_decimal.toString(), '500');
  assert.equal((await stripe.prices.list({ lookup_keys: [`m_${unique}`] })).data[0].id, month.id);

  await errors(customer, month);
  await payment(customer, pack);
  await subscription(customer, month, dear);
  await deletion(customer, pack);
}

async function errors(customer, month) {
  const missing = await refused(stripe.customers.retrieve('cus_none'));
  assert.ok(missing instanceof Stripe.errors.StripeInvalidRequestError);
  assert.deepEqual([missing.statusCode, missing.code], [404, 'resource_missing']);
  const named = await refused(stripe.checkout.sessions.create({ mode: 'subscription', customer: 'cus_none', success_url: 'https://x.example', line_items: [{ price: month.id, quantity: 1 }] }));
  assert.deepEqual([named.statusCode, named.param], [400, 'customer']);
  const gone = await refused(stripe.checkout.sessions.create({ mode: 'payment', success_url: 'https://x.example', payment_method_types: ['card'] }));
  assert.equal(gone.code, 'payment_method_types_no_longer_supported');
  const key = { idempotencyKey: `k-${unique}` };
  const first = await stripe.customers.create({ email: 'once@example.com' }, key);
  assert.equal((await stripe.customers.create({ email: 'once@example.com' }, key)).id, first.id);
  const other = await refused(stripe.customers.create({ email: 'other@example.com' }, key));
  assert.ok(other instanceof Stripe.errors.StripeIdempotencyError);
  const keyless = new Stripe('sk_live_wrong', { host: address.hostname, port: address.port, protocol: 'http', httpClient: under, maxNetworkRetries: 0 });
  assert.ok((await refused(keyless.customers.list())) instanceof Stripe.errors.StripeAuthenticationError);
}

async function payment(customer, pack) {
  const session = await stripe.checkout.sessions.create({
    mode: 'payment', customer: customer.id, client_reference_id: 'r', metadata: { referee: '1' },
    success_url: 'https://shop.example/done?s={CHECKOUT_SESSION_ID}', cancel_url: 'https://shop.example/back', line_items: [{ price: pack.id, quantity: 2 }],
  });
  assert.deepEqual([session.status, session.payment_status, session.amount_total, session.payment_intent], ['open', 'unpaid', 1000, null]);
  assert.equal((await press(session.url, { number: '4000000000000002' })).status, 200);
  assert.equal((await stripe.checkout.sessions.retrieve(session.id)).status, 'open');
  const paid = await press(session.url, { number: '4242 4242 4242 4242' });
  assert.equal(paid.headers.get('location'), `https://shop.example/done?s=${session.id}`);
  const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent.latest_charge', 'line_items'] });
  assert.deepEqual([done.status, done.payment_status, done.url], ['complete', 'paid', null]);
  assert.deepEqual([done.payment_intent.status, done.payment_intent.latest_charge.paid, done.line_items.data[0].quantity], ['succeeded', true, 2]);
  assert.equal((await stripe.checkout.sessions.listLineItems(session.id)).data.length, 1);
}

async function subscription(customer, month, dear) {
  const session = await stripe.checkout.sessions.create({ mode: 'subscription', customer: customer.id, success_url: 'https://shop.example/done', line_items: [{ price: month.id, quantity: 1 }], subscription_data: { metadata: { account: 'x' } } });
  assert.equal(session.subscription, null);
  const asked = await press(session.url, { number: '4000000000003220' });
  assert.match(asked.headers.get('location'), /\/confirm$/);
  const confirm = new URL(asked.headers.get('location'), session.url);
  assert.equal((await press(confirm, { answer: 'fail' })).status, 200);
  assert.equal((await stripe.checkout.sessions.retrieve(session.id)).status, 'open');
  await press(session.url, { number: '4000000000003220' });
  assert.equal((await press(confirm, { answer: 'complete' })).status, 302);
  const { subscription: id } = await stripe.checkout.sessions.retrieve(session.id);
  const made = await stripe.subscriptions.retrieve(id, { expand: ['latest_invoice.payments'] });
  assert.deepEqual([made.status, made.metadata.account, made.current_period_end], ['active', 'x', undefined]);
  assert.ok(made.items.data[0].current_period_end > made.items.data[0].current_period_start);
  assert.deepEqual([made.latest_invoice.status, made.latest_invoice.billing_reason, made.latest_invoice.parent.subscription_details.subscription], ['paid', 'subscription_create', id]);
  assert.equal(made.latest_invoice.payments.data[0].payment.type, 'payment_intent');

  const change = { items: [{ id: made.items.data[0].id, price: dear.id }], proration_behavior: 'always_invoice', proration_date: made.items.data[0].current_period_start + 86400 };
  const preview = await stripe.invoices.createPreview({ subscription: id, subscription_details: change });
  const changed = await stripe.subscriptions.update(id, { ...change, expand: ['latest_invoice'] });
  assert.equal(changed.items.data[0].price.id, dear.id);
  assert.equal(changed.latest_invoice.total, preview.total);
  assert.ok(changed.latest_invoice.lines.data.every((line) => line.parent.subscription_item_details.proration));

  assert.equal((await stripe.subscriptions.update(id, { cancel_at_period_end: true })).cancel_at_period_end, true);
  assert.equal((await stripe.subscriptions.update(id, { cancel_at_period_end: false })).cancel_at, null);
  assert.equal((await stripe.subscriptions.cancel(id)).status, 'canceled');
  const names = [];
  for await (const event of stripe.events.list({ limit: 100 })) names.push(event.type);
  for (const name of ['customer.subscription.created', 'customer.subscription.deleted', 'invoice.paid', 'checkout.session.completed', 'payment_intent.payment_failed']) assert.ok(names.includes(name), name);
  assert.match((await stripe.billingPortal.sessions.create({ customer: customer.id, return_url: 'https://shop.example' })).url, /\/portal\//);
}

async function deletion(customer, pack) {
  assert.equal((await stripe.customers.del(customer.id)).deleted, true);
  assert.equal((await stripe.customers.retrieve(customer.id)).deleted, true);
  const error = await refused(stripe.checkout.sessions.create({ mode: 'payment', customer: customer.id, success_url: 'https://x.example', line_items: [{ price: pack.id, quantity: 1 }] }));
  assert.deepEqual([error.code, error.param], ['resource_missing', 'customer']);
}

async function endpointAgrees() {
  const post = (payload, header) => fetch(portal + '/webhooks/stripe', { method: 'POST', body: payload, headers: { 'content-type': 'application/json', ...(header && { 'stripe-signature': header }) } });
  const event = (id) => JSON.stringify({ id, object: 'event', api_version: '2026-10-28.endive', created: 1763000000, type: 'referee.ping', livemode: false, data: { object: { id: 'x_1', object: 'x' } } }, null, 2);
  const sign = (payload, more = {}) => stripe.webhooks.generateTestHeaderString({ payload, secret, ...more });
  const payload = event(`evt_referee_${unique}`);
  const now = Math.floor(Date.now() / 1000);
  const accepted = await post(payload, sign(payload));
  assert.equal(accepted.status, 200);
  assert.deepEqual(await accepted.json(), { received: true });
  assert.equal((await post(payload, sign(payload))).status, 200);
  const bad = event(`evt_bad_${unique}`);
  assert.equal((await post(bad, sign(bad, { secret: 'whsec_other' }))).status, 400);
  assert.equal((await post(bad.replace('x_1', 'x_2'), sign(bad))).status, 400);
  assert.equal((await post(bad, sign(bad, { timestamp: now - 400 }))).status, 400);
  assert.equal((await post(bad, sign(bad, { timestamp: now + 400 }))).status, 400);
  assert.equal((await post(bad)).status, 400);
}

await clientAgrees();
await endpointAgrees();
console.log('the official package agrees');
