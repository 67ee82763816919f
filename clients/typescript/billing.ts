/**
 * Ask and charge at the billing portal. One file, no dependencies; Node 20 or newer, Deno, Bun, browsers (there with an account token, never with an API key).
 *
 *     const billing = new Billing("https://billing.example.com", "bp_live_…");
 *     await billing.charge("acme", { action: "profile_my_data" });
 *
 * A refusal (402, 403, 404, 409, 422, 429) is thrown as `Refused` and charged nothing. Everything that moves value carries an idempotency key, made here
 * unless given; timeouts, 503 and short 429 are tried again under the same key, so nothing is taken twice.
 */

/** What is to be paid for: an action, a meter and quantity, a model and tokens, or an amount of a unit. */
export interface What {
  action?: string;
  meter?: string;
  quantity?: number;
  provider?: string;
  model?: string;
  tool?: string;
  tokens?: Record<string, number>;
  unit?: string;
  amount?: number;
  reason?: string;
  byok?: boolean;
  outcome?: "success" | "provider_error" | "client_abort" | "timeout" | "filtered";
  member?: string;
  agent?: string;
  run?: string;
  feature?: string;
  metadata?: Record<string, string>;
}

export interface UnitAmount { unit: string; amount: number }
export interface Charge { id: string; account: string; status: string; price: UnitAmount[]; funding: (UnitAmount & { balance_after: number })[]; enforcement: string; created_at: string }
export interface Problem { title?: string; status?: number; detail?: string; error_code?: string; unit?: string; required?: number; available?: number; shortfall?: number; upgrade_plan?: string; top_up_url?: string; resets_at?: string; [more: string]: unknown }
export interface Check extends Problem { allowed: boolean; price?: UnitAmount[]; remaining?: UnitAmount[] }

export interface Options {
  /** Milliseconds for one try. */
  timeout?: number;
  /** 1 or more. */
  tries?: number;
  /** Milliseconds; a Retry-After above it (a quota that resets next month) is thrown at once. */
  longestWait?: number;
}

/** The portal said no; nothing was done. `code` decides, `message` is for people, `problem` holds what helps. */
export class Refused extends Error {
  readonly code: string;
  readonly status: number;
  readonly problem: Problem;
  /** Seconds; undefined: not said. */
  readonly retryAfter: number | undefined;

  constructor(status: number, problem: Problem, retryAfter?: number) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = "Refused";
    this.code = problem.error_code ?? "UNKNOWN";
    this.status = status;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
}

/** No answer, or 503, however often it was tried. It may have happened: try again with the same key. */
export class Unavailable extends Error {
  readonly key: string | undefined;

  constructor(message: string, key?: string) {
    super(message);
    this.name = "Unavailable";
    this.key = key;
  }
}

export class Billing {
  private readonly base: string;
  private readonly key: string;
  private readonly timeout: number;
  private readonly tries: number;
  private readonly longestWait: number;

  constructor(url: string, key: string, options: Options = {}) {
    this.base = url.replace(/\/+$/, "") + "/api/v1/";
    this.key = key;
    this.timeout = options.timeout ?? 5000;
    this.tries = options.tries ?? 4;
    this.longestWait = options.longestWait ?? 5000;
  }

  /** Advice, charging nothing. */
  check(account: string, what: What): Promise<Check> {
    return this.send<Check>("POST", "check", { account, ...what });
  }

  /** Takes the price, or throws Refused. With the same key a repeat is taken once. */
  charge(account: string, what: What, key: string = newKey()): Promise<Charge> {
    return this.send<Charge>("POST", "charges", { account, ...what }, key);
  }

  /** Gives back all that is left of a charge. */
  refund(charge: string, reason: string, key: string = `refund:${charge}`): Promise<unknown> {
    return this.send("POST", `charges/${encodeURIComponent(charge)}/refund`, { reason }, key);
  }

  /** Sets the price aside. Release or capture it, or let `holding` do so. */
  async hold(account: string, what: What, terms: { expires_in?: number; on_expiry?: "release" | "capture" } = {}, key: string = newKey()): Promise<Hold> {
    return new Hold((path, body, at) => this.send("POST", path, body, at), await this.send<HoldMade>("POST", "holds", { account, ...terms, ...what }, key));
  }

  /** Works under a hold: released at the end unless captured, also when the work fails. With `await using`, `hold` alone does the same. */
  async holding<T>(account: string, what: What, work: (hold: Hold) => Promise<T>, terms: { expires_in?: number; on_expiry?: "release" | "capture" } = {}): Promise<T> {
    const hold = await this.hold(account, what, terms);
    try {
      return await work(hold);
    } finally {
      await hold.end();
    }
  }

  private async send<T>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.key}`, "Content-Type": "application/json" };
    if (key !== undefined) headers["Idempotency-Key"] = key;
    let failure = "";
    for (let attempt = 0; attempt < this.tries; attempt++) {
      let wait = Math.min(this.longestWait, 100 * 2 ** attempt) * (0.5 + Math.random() / 2);
      const limit = new AbortController();
      const timer = setTimeout(() => limit.abort(), this.timeout);
      try {
        const answer = await fetch(this.base + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal: limit.signal });
        const text = await answer.text();
        if (answer.ok) return JSON.parse(text || "{}") as T;
        const problem = parsed(text);
        const after = /^\d+$/.test(answer.headers.get("Retry-After") ?? "") ? Number(answer.headers.get("Retry-After")) : undefined;
        failure = problem.detail ?? `HTTP ${answer.status}`;
        const again = answer.status >= 500 || (answer.status === 429 && after !== undefined && after * 1000 <= this.longestWait && attempt < this.tries - 1);
        if (!again) throw new Refused(answer.status, problem, after);
        if (after !== undefined) wait = Math.min(this.longestWait, after * 1000);
      } catch (gone) {
        if (gone instanceof Refused) throw gone;
        failure = gone instanceof Error ? gone.message : String(gone);
      } finally {
        clearTimeout(timer);
      }
      if (attempt < this.tries - 1) await new Promise(resolve => setTimeout(resolve, wait));
    }
    throw new Unavailable(`The billing portal did not answer (${failure}). Try again with the same key.`, key);
  }
}

interface HoldMade { id: string; funding: UnitAmount[]; expires_at: string }
type Post = (path: string, body: unknown, key: string) => Promise<unknown>;

/** An amount set aside. */
export class Hold {
  readonly id: string;
  readonly funding: UnitAmount[];
  readonly expiresAt: string;
  private readonly post: Post;
  private captures = 0;
  private closed = false;

  /** Made by `Billing.hold`. */
  constructor(post: Post, made: HoldMade) {
    this.post = post;
    this.id = made.id;
    this.funding = made.funding;
    this.expiresAt = made.expires_at;
  }

  /** Takes what was truly used; the rest is released unless `final` is false. */
  async capture(what: What, how: { final?: boolean; over_hold?: "cap" | "charge" } = {}): Promise<Charge> {
    const charge = (await this.post(`holds/${this.id}/capture`, { ...how, ...what }, `${this.id}:capture:${++this.captures}`)) as Charge;
    this.closed = how.final ?? true;
    return charge;
  }

  /** Keeps it open for so many seconds from now. */
  async extend(expires_in: number): Promise<void> {
    await this.post(`holds/${this.id}/extend`, { expires_in }, `${this.id}:extend:${crypto.randomUUID()}`);
  }

  async release(): Promise<void> {
    await this.post(`holds/${this.id}/release`, {}, `${this.id}:release`);
    this.closed = true;
  }

  /** Releases it unless it was captured or released. One that cannot be released now expires by itself. */
  async end(): Promise<void> {
    if (this.closed) return;
    try {
      await this.release();
    } catch (no) {
      if (!(no instanceof Refused || no instanceof Unavailable)) throw no;
    }
  }
}

// `await using`, where the runtime knows it (TypeScript 5.2, Node 24).
const disposal: unknown = (Symbol as unknown as { asyncDispose?: symbol }).asyncDispose;
if (typeof disposal === "symbol") {
  Object.defineProperty(Hold.prototype, disposal, { value(this: Hold): Promise<void> { return this.end(); } });
}

interface Incoming { method?: string; url?: string; headers: Record<string, string | string[] | undefined> }
interface Outgoing { statusCode: number; setHeader(name: string, value: string): unknown; end(text?: string): unknown }

/**
 * Middleware for Express and for node:http: charges each request before the product works; who cannot pay gets the portal's refusal.
 *
 *     app.use(gate(billing, request => request.user.id, request => request.url.startsWith("/api") ? { action: "api_call" } : undefined));
 */
export function gate<R extends Incoming>(billing: Billing, account: (request: R) => string, what: (request: R) => What | undefined) {
  return async (request: R, response: Outgoing, next: (error?: unknown) => void): Promise<void> => {
    const wanted = what(request);
    if (wanted !== undefined) {
      try {
        (request as R & { charge?: Charge }).charge = await billing.charge(account(request), wanted);
      } catch (no) {
        if (no instanceof Refused) return refuse(response, no.status, no.problem, no.retryAfter);
        // Closed: no answer, no service. To let requests pass unbilled instead, go on to next() here.
        if (no instanceof Unavailable) return refuse(response, 503, { title: "Billing cannot be asked just now", status: 503 }, 1);
        return next(no);
      }
    }
    next();
  };
}

function refuse(response: Outgoing, status: number, problem: Problem, retryAfter?: number): void {
  response.statusCode = status;
  response.setHeader("Content-Type", "application/problem+json");
  if (retryAfter !== undefined) response.setHeader("Retry-After", String(retryAfter));
  response.end(JSON.stringify(problem));
}

function parsed(text: string): Problem {
  try {
    const problem: unknown = JSON.parse(text);
    return typeof problem === "object" && problem !== null ? (problem as Problem) : {};
  } catch {
    return {};
  }
}

function newKey(): string {
  return `js:${crypto.randomUUID()}`;
}
