// Stripe's own package against the simulator (as client) and the webhook endpoint (as signer).
// usage: node referee.mjs <portal url> <webhook secret>; exits 0 when both agree with it.
import assert from 'node:assert/strict';
import Stripe from 'stripe';
import { misfits } from './shapes.mjs';

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
  await metering(customer, product, month);
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

async function metering(customer, product, month) {
  const name = `tokens_${unique}`;
  const meter = await stripe.billing.meters.create({ display_name: 'Tokens', event_name: name, default_aggregation: { formula: 'sum' } });
  assert.deepEqual([meter.status, meter.customer_mapping.event_payload_key, meter.value_settings.event_payload_key], ['active', 'stripe_customer_id', 'value']);
  const price = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount_decimal: Stripe.Decimal.from('0.005'), recurring: { interval: 'month', usage_type: 'metered', meter: meter.id } });
  assert.deepEqual([price.unit_amount, price.unit_amount_decimal.toString(), price.recurring.meter], [null, '0.005', meter.id]);
  const made = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: month.id }, { price: price.id }] });
  const item = made.items.data.find((each) => each.price.id === price.id);
  assert.equal(item.quantity, undefined);

  const event = { event_name: name, identifier: `ref_${unique}`, payload: { stripe_customer_id: customer.id, value: '40000' } };
  assert.equal((await stripe.billing.meterEvents.create(event)).identifier, event.identifier);
  assert.match((await refused(stripe.billing.meterEvents.create(event))).message, /already exists with identifier/);
  const now = Math.floor(Date.now() / 1000);
  assert.equal((await refused(stripe.billing.meterEvents.create({ ...event, identifier: 'late', timestamp: now - 36 * 86400 }))).code, 'timestamp_too_far_in_past');
  assert.equal((await refused(stripe.billing.meterEvents.create({ ...event, identifier: 'early', timestamp: now + 600 }))).code, 'timestamp_in_future');
  const [from, until] = [now - (now % 60) - 3600, now - (now % 60) + 120];
  const summaries = await stripe.billing.meters.listEventSummaries(meter.id, { customer: customer.id, start_time: from, end_time: until });
  assert.deepEqual(summaries.data.map((each) => each.aggregated_value), [40000]);
  const next = await stripe.invoices.createPreview({ subscription: made.id });
  const line = next.lines.data.find((each) => each.parent.subscription_item_details?.subscription_item === item.id);
  assert.deepEqual([line.amount, line.quantity], [200, 40000]);
  const credit = await stripe.invoiceItems.create({ customer: customer.id, subscription: made.id, amount: -150, currency: 'usd', description: 'Given back' });
  assert.equal((await stripe.invoices.createPreview({ subscription: made.id })).total, 1000 + 200 - 150);
  assert.equal(credit.amount, -150);

  await new Promise((later) => setTimeout(later, 1100)); // what is counted in the second of the change is the next price's
  const removed = await stripe.subscriptions.update(made.id, { items: [{ id: item.id, deleted: true }], proration_behavior: 'always_invoice', expand: ['latest_invoice'] });
  assert.equal(removed.items.data.length, 1);
  assert.equal(removed.latest_invoice.total, 50);
  await stripe.billing.meters.deactivate(meter.id);
  await stripe.subscriptions.cancel(made.id);
}

async function deletion(customer, pack) {
  assert.equal((await stripe.customers.del(customer.id)).deleted, true);
  assert.equal((await stripe.customers.retrieve(customer.id)).deleted, true);
  const error = await refused(stripe.checkout.sessions.create({ mode: 'payment', customer: customer.id, success_url: 'https://x.example', line_items: [{ price: pack.id, quantity: 1 }] }));
  assert.deepEqual([error.code, error.param], ['resource_missing', 'customer']);
}

async function resourcesAgree() {
  const seen = new Map();
  const look = (answer) => { for (const each of answer.object === 'list' ? answer.data : [answer]) seen.set(each.object, [...(seen.get(each.object) ?? []), each]); return answer; };
  const whole = async (resource, id) => look(await resource.retrieve(id));
  const soon = async (read, holds) => { for (let i = 0; i < 100; i++) { const found = await read(); if (holds(found)) return found; await new Promise((done) => setTimeout(done, 100)); } assert.fail('never came about'); };

  const now = Math.floor(Date.now() / 1000);
  const clock = look(await stripe.testHelpers.testClocks.create({ frozen_time: now, name: 'referee' }));
  const customer = look(await stripe.customers.create({ email: 'all@example.com', name: 'All', test_clock: clock.id }));
  const product = look(await stripe.products.create({ name: 'Everything' }));
  look(await stripe.products.update(product.id, { name: 'Everything and more' }));
  const cheap = look(await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 1000, recurring: { interval: 'month' } }));
  const dear = await stripe.prices.create({ product: product.id, currency: 'usd', unit_amount: 3000, recurring: { interval: 'month' } });
  assert.equal((await stripe.prices.update(dear.id, { nickname: 'Dear' })).nickname, 'Dear');

  // Cards: kept on a page of setup mode, listed, made the default, attached and taken off.
  const setup = look(await stripe.checkout.sessions.create({ mode: 'setup', currency: 'usd', customer: customer.id, success_url: 'https://shop.example/done' }));
  assert.equal((await press(setup.url, { number: '4242424242424242' })).status, 302);
  const intent = await whole(stripe.setupIntents, (await stripe.checkout.sessions.retrieve(setup.id)).setup_intent);
  assert.equal(intent.status, 'succeeded');
  const card = await whole(stripe.paymentMethods, intent.payment_method);
  assert.deepEqual([card.type, card.card.last4, card.customer], ['card', '4242', customer.id]);
  assert.equal((await stripe.customers.listPaymentMethods(customer.id)).data.length, 1);
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card.id } });
  const second = look(await stripe.paymentMethods.attach('pm_card_mastercard', { customer: customer.id }));
  assert.equal((await stripe.paymentMethods.detach(second.id)).customer, null);

  // Payments, refunds, disputes.
  const pay = (method, amount) => stripe.paymentIntents.create({ amount, currency: 'usd', customer: customer.id, payment_method: method, confirm: true, off_session: true });
  const paid = look(await pay(card.id, 2000));
  assert.deepEqual([paid.status, paid.amount_received], ['succeeded', 2000]);
  const declining = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
  const declined = await refused(pay(declining.id, 500));
  assert.ok(declined instanceof Stripe.errors.StripeCardError);
  assert.deepEqual([declined.statusCode, declined.code, declined.payment_intent.status], [402, 'card_declined', 'requires_payment_method']);
  const part = look(await stripe.refunds.create({ payment_intent: paid.id, amount: 500, metadata: { why: 'x' } }));
  assert.deepEqual([part.status, part.amount, part.metadata.why], ['succeeded', 500, 'x']);
  const charge = await whole(stripe.charges, paid.latest_charge);
  assert.deepEqual([charge.amount_refunded, charge.refunded], [500, false]);
  assert.equal((await refused(stripe.refunds.create({ payment_intent: paid.id, amount: 1501 }))).param, 'amount');
  await stripe.refunds.create({ payment_intent: paid.id });
  assert.equal((await refused(stripe.refunds.create({ payment_intent: paid.id }))).code, 'charge_already_refunded');
  assert.equal(look(await stripe.refunds.list({ payment_intent: paid.id })).data.length, 2);
  const fraud = await stripe.paymentMethods.attach('pm_card_createDispute', { customer: customer.id });
  const contested = await pay(fraud.id, 700);
  const [dispute] = (await soon(() => stripe.disputes.list({ payment_intent: contested.id }), (list) => list.data.length > 0)).data;
  look(dispute);
  assert.deepEqual([dispute.status, dispute.reason, dispute.amount], ['needs_response', 'fraudulent', 700]);
  assert.equal((await refused(stripe.refunds.create({ payment_intent: contested.id }))).code, 'charge_disputed');
  assert.equal((await stripe.disputes.update(dispute.id, { evidence: { uncategorized_text: 'it was theirs' } })).evidence.uncategorized_text, 'it was theirs');
  assert.equal((await stripe.disputes.close(dispute.id)).status, 'lost');

  // Coupons, codes, a discounted subscription with a schedule, a pause, and a month that passes.
  const coupon = look(await stripe.coupons.create({ percent_off: 25, duration: 'once', name: 'A quarter' }));
  assert.equal((await stripe.coupons.retrieve(coupon.id)).percent_off, 25);
  const code = look(await stripe.promotionCodes.create({ promotion: { type: 'coupon', coupon: coupon.id }, code: `QUARTER${unique}` }));
  assert.equal((await stripe.promotionCodes.list({ code: code.code })).data[0].id, code.id);
  const made = look(await stripe.subscriptions.create({ customer: customer.id, items: [{ price: dear.id }], default_payment_method: card.id, discounts: [{ coupon: coupon.id }] }));
  const first = look(await stripe.invoices.retrieve(made.latest_invoice));
  assert.deepEqual([made.status, first.total, first.total_discount_amounts[0].amount], ['active', 2250, 750]);
  look(await stripe.invoicePayments.list({ invoice: first.id }));
  const schedule = look(await stripe.subscriptionSchedules.create({ from_subscription: made.id }));
  const item = made.items.data[0];
  look(item);
  await stripe.subscriptionSchedules.update(schedule.id, { end_behavior: 'release', phases: [
    { items: [{ price: dear.id, quantity: 1 }], start_date: item.current_period_start, end_date: item.current_period_end, proration_behavior: 'none' },
    { items: [{ price: cheap.id, quantity: 1 }], start_date: item.current_period_end, proration_behavior: 'none' }] });
  assert.ok(await refused(stripe.subscriptions.update(made.id, { cancel_at_period_end: true })) instanceof Stripe.errors.StripeInvalidRequestError);
  await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: item.current_period_end + 3600 });
  assert.equal((await soon(() => stripe.testHelpers.testClocks.retrieve(clock.id), (found) => found.status === 'ready')).frozen_time, item.current_period_end + 3600);
  const renewed = await stripe.subscriptions.retrieve(made.id, { expand: ['latest_invoice'] });
  assert.deepEqual([renewed.items.data[0].price.id, renewed.latest_invoice.total, renewed.latest_invoice.status], [cheap.id, 1000, 'paid']);
  if (renewed.schedule) assert.equal((await stripe.subscriptionSchedules.release(renewed.schedule)).status, 'released');
  assert.equal((await stripe.subscriptions.pause(made.id, { type: 'subscription' })).status, 'paused');
  assert.equal((await stripe.subscriptions.resume(made.id, { billing_cycle_anchor: { type: 'now' } })).status, 'active');

  // What a sync makes.
  const portal = look(await stripe.billingPortal.configurations.create({ features: { invoice_history: { enabled: true }, payment_method_update: { enabled: true } } }));
  assert.equal((await stripe.billingPortal.configurations.update(portal.id, { active: false })).active, false);
  look(await stripe.billingPortal.sessions.create({ customer: customer.id, return_url: 'https://shop.example' }));
  const endpoint = await stripe.webhookEndpoints.create({ url: 'https://shop.example/hook', enabled_events: ['invoice.paid'], api_version: '2026-10-28.endive' });
  assert.match(endpoint.secret, /^whsec_/);
  assert.equal((await whole(stripe.webhookEndpoints, endpoint.id)).secret, undefined);
  const meter = look(await stripe.billing.meters.create({ display_name: 'Tokens', event_name: `tokens_${unique}`, default_aggregation: { formula: 'sum' } }));
  assert.equal((await stripe.billing.meters.list()).data[0].id, meter.id);
  look(await stripe.events.list({ limit: 3 }));
  for (const list of [stripe.charges, stripe.coupons, stripe.customers, stripe.disputes, stripe.invoices, stripe.paymentIntents, stripe.prices, stripe.promotionCodes, stripe.refunds, stripe.setupIntents, stripe.subscriptions, stripe.subscriptionSchedules, stripe.checkout.sessions]) {
    look(await list.list({ limit: 2 }));
  }

  const wrong = new Set([...seen.values()].flat().flatMap(misfits));
  assert.deepEqual([...wrong].sort(), []);
  assert.equal((await stripe.testHelpers.testClocks.del(clock.id)).deleted, true);
  console.log(`${seen.size} kinds of objects have Stripe's shape: ${[...seen.keys()].sort().join(', ')}`);
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
await resourcesAgree();
await endpointAgrees();
console.log('the official package agrees');
