// A walk through the client, run against a portal by the portal's own tests: BILLING_URL, BILLING_KEY, ACCOUNT (with 100 credits).
import { Billing, gate, Refused, Unavailable } from "./billing.js";
import type { Problem } from "./billing.js";

declare const process: { env: Record<string, string> };

const { BILLING_URL: url, BILLING_KEY: key, ACCOUNT: account } = process.env;
const open = (path: string): Billing => new Billing(url + path, key, { timeout: 2000, tries: 4, longestWait: 2000 });
const say = (...words: unknown[]): void => console.log(words.join(" "));
const refusal = async (work: () => Promise<unknown>): Promise<string> => {
  try {
    await work();
    return "nothing";
  } catch (no) {
    if (no instanceof Refused) return `${no.status} ${no.code} ${no.problem.shortfall ?? ""}`.trim();
    if (no instanceof Unavailable) return `unavailable ${no.key}`;
    return no instanceof Error ? no.message : String(no);
  }
};

const billing = open("");
const first = await billing.charge(account, { unit: "credit", amount: 10 }, "walk-1");
const again = await billing.charge(account, { unit: "credit", amount: 10 }, "walk-1");
say("charge", first.status, first.id === again.id);
say("refused", await refusal(() => billing.charge(account, { unit: "credit", amount: 1000 })));
say("check", (await billing.check(account, { unit: "credit", amount: 1000 })).allowed, (await billing.check(account, { unit: "credit", amount: 1 })).allowed);
for (const path of ["/lost", "/slow", "/busy"]) {
  say(path, (await open(path).charge(account, { unit: "credit", amount: 10 })).status);
}
say("/away", await refusal(() => open("/away").charge(account, { unit: "credit", amount: 10 }, "walk-away")));
say("/later", await refusal(() => open("/later").charge(account, { unit: "credit", amount: 10 })));

await billing.holding(account, { unit: "credit", amount: 20 }, async hold => {
  await hold.extend(60);
  await hold.capture({ unit: "credit", amount: 5 });
});
say("hold", await refusal(() => billing.holding(account, { unit: "credit", amount: 20 }, async () => { throw new Error("the work failed"); })));

for (const amount of [1, 1000]) {
  const answer = { statusCode: 200, text: "", setHeader() {}, end(text?: string) { this.text = text ?? ""; } };
  let passed = false;
  await gate(billing, () => account, () => ({ unit: "credit", amount }))({ headers: {} }, answer, () => { passed = true; });
  say("gate", passed, answer.statusCode, answer.text ? (JSON.parse(answer.text) as Problem).error_code : "");
}
