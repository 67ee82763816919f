"""Ask and charge at the billing portal. One file, standard library only, Python 3.9 or newer.

    billing = Billing("https://billing.example.com", "bp_live_…")
    billing.charge("acme", action="profile_my_data")

A refusal (402, 403, 404, 409, 422, 429) is raised as `Refused` and charged nothing. Everything that moves value carries an idempotency key, made
here unless given; timeouts, 503 and short 429 are tried again under the same key, so nothing is taken twice.
"""

import contextlib
import json
import random
import socket
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid


class Refused(Exception):
    """The portal said no; nothing was done. `code` decides, `detail` is for people, `problem` holds what helps (`shortfall`, `upgrade_plan`, …)."""

    def __init__(self, status, problem, retry_after=None):
        super().__init__(problem.get("detail") or problem.get("title") or f"HTTP {status}")
        self.status = status
        self.code = problem.get("error_code", "UNKNOWN")
        self.detail = str(self)
        self.problem = problem
        self.retry_after = retry_after  # seconds; None: not said

    @property
    def needs_money(self):
        return self.status == 402


class Unavailable(Exception):
    """No answer, or 503, however often it was tried. It may have happened: try again with the same key, `key`."""

    def __init__(self, message, key=None):
        super().__init__(message)
        self.key = key


class Billing:
    """One portal and one key. Safe to share between threads."""

    def __init__(self, url, key, timeout=5.0, tries=4, longest_wait=5.0):
        """timeout: seconds for one try. tries: 1 or more. longest_wait: a Retry-After above it (a quota that resets next month) is raised at once."""
        self._base = url.rstrip("/") + "/api/v1/"
        self._key = key
        self._timeout, self._tries, self._longest = timeout, tries, longest_wait

    def check(self, account, **what):
        """Advice, charging nothing: the answer has `allowed`, and why not. `what`: action=, or meter= and quantity=, or model= and tokens=…"""
        return self._send("POST", "check", {"account": account, **what})

    def charge(self, account, key=None, **what):
        """Takes the price, or raises Refused. With the same `key` a repeat is taken once."""
        return self._send("POST", "charges", {"account": account, **what}, key or _new_key())

    def refund(self, charge_id, reason, key=None):
        """Gives back all that is left of a charge."""
        return self._send("POST", f"charges/{urllib.parse.quote(charge_id)}/refund", {"reason": reason}, key or f"refund:{charge_id}")

    def wallets(self, account):
        return self._send("GET", f"accounts/{urllib.parse.quote(account, safe='')}/wallets")["data"]

    @contextlib.contextmanager
    def hold(self, account, key=None, expires_in=600, on_expiry="release", **what):
        """Sets the price aside while the work is done; released at the end unless captured, also when the work fails.

            with billing.hold("acme", action="render", quantity=10) as hold:
                frames = render()
                hold.capture(action="render", quantity=frames)
        """
        made = self._send("POST", "holds", {"account": account, "expires_in": expires_in, "on_expiry": on_expiry, **what}, key or _new_key())
        hold = Hold(self, made)
        try:
            yield hold
        finally:
            if not hold.closed:
                # A hold that cannot be released now expires by itself; the work's own failure is what the caller should see.
                with contextlib.suppress(Refused, Unavailable):
                    hold.release()

    def _send(self, method, path, body=None, key=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Accept": "application/json"}
        if data is not None:
            headers["Content-Type"] = "application/json"
        if key is not None:
            headers["Idempotency-Key"] = key
        failure = ""
        for attempt in range(self._tries):
            wait = min(self._longest, 0.1 * 2 ** attempt) * random.uniform(0.5, 1)
            try:
                request = urllib.request.Request(self._base + path, data, headers, method=method)
                with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                    return json.loads(answer.read() or b"{}")
            except urllib.error.HTTPError as answer:
                with answer:
                    problem, after = _problem(answer)
                failure = problem.get("detail") or f"HTTP {answer.code}"
                if answer.code == 429 and (after is None or after > self._longest):
                    raise Refused(answer.code, problem, after) from None
                if answer.code < 500 and answer.code != 429:
                    raise Refused(answer.code, problem, after) from None
                if answer.code == 429 and attempt == self._tries - 1:
                    raise Refused(answer.code, problem, after) from None
                if after is not None:
                    wait = min(self._longest, after)
            except (urllib.error.URLError, socket.timeout, ConnectionError, json.JSONDecodeError, OSError) as gone:
                failure = str(gone)
            if attempt < self._tries - 1:
                time.sleep(wait)
        raise Unavailable(f"The billing portal did not answer ({failure}). Try again with the same key.", key)


class Hold:
    """An amount set aside. Made by `Billing.hold`."""

    def __init__(self, billing, made):
        self._billing = billing
        self.id, self.funding, self.expires_at = made["id"], made["funding"], made["expires_at"]
        self.closed = False
        self._captures = 0

    def capture(self, final=True, over_hold="cap", **what):
        """Takes what was truly used; the rest is released unless `final` is False. `what`: the charge's fields, or amount=. Above the hold: `cap` or `charge`."""
        self._captures += 1
        charge = self._billing._send("POST", f"holds/{self.id}/capture", {"final": final, "over_hold": over_hold, **what}, f"{self.id}:capture:{self._captures}")
        self.closed = final
        return charge

    def extend(self, expires_in):
        """Keeps it open for so many seconds from now."""
        return self._billing._send("POST", f"holds/{self.id}/extend", {"expires_in": expires_in}, f"{self.id}:extend:{uuid.uuid4()}")

    def release(self):
        self._billing._send("POST", f"holds/{self.id}/release", {}, f"{self.id}:release")
        self.closed = True


class BillingMiddleware:
    """WSGI: charges each request before the application works; who cannot pay gets the portal's refusal.

        application = BillingMiddleware(application, billing, account=lambda environ: environ["REMOTE_USER"],
                                        what=lambda environ: {"action": "api_call"} if environ["PATH_INFO"].startswith("/api") else None)
    """

    def __init__(self, application, billing, account, what):
        self._application, self._billing, self._account, self._what = application, billing, account, what

    def __call__(self, environ, start_response):
        what = self._what(environ)
        if what is None:
            return self._application(environ, start_response)
        try:
            environ["billing.charge"] = self._billing.charge(self._account(environ), **what)
        except Refused as refused:
            return _refuse(start_response, refused.status, refused.problem, refused.retry_after)
        except Unavailable:
            # Closed: no answer, no service. To let requests pass unbilled instead, go on to the application here.
            return _refuse(start_response, 503, {"title": "Billing cannot be asked just now", "status": 503}, 1)
        return self._application(environ, start_response)


def _refuse(start_response, status, problem, retry_after):
    headers = [("Content-Type", "application/problem+json")]
    if retry_after is not None:
        headers.append(("Retry-After", str(int(retry_after))))
    start_response(f"{status} {problem.get('title', 'Refused')}", headers)
    return [json.dumps(problem).encode()]


def _problem(answer):
    try:
        problem = json.loads(answer.read())
    except (ValueError, OSError):
        problem = {}
    after = answer.headers.get("Retry-After", "")
    return (problem if isinstance(problem, dict) else {}), (float(after) if after.isdigit() else None)


def _new_key():
    return f"py:{uuid.uuid4()}"
