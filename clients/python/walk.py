"""A walk through the client, run against a portal by the portal's own tests: BILLING_URL, BILLING_KEY, ACCOUNT (with 100 credits)."""

import json
import os

from billing import Billing, BillingMiddleware, Refused, Unavailable

url, key, account = (os.environ[name] for name in ("BILLING_URL", "BILLING_KEY", "ACCOUNT"))


def at(path):
    return Billing(url + path, key, timeout=2, tries=4, longest_wait=2)


def say(*words):
    print(*(str(w).lower() if isinstance(w, bool) else w for w in words))


def refusal(work):
    try:
        work()
        return "nothing"
    except Refused as no:
        return f"{no.status} {no.code} {no.problem.get('shortfall', '')}".strip()
    except Unavailable as gone:
        return f"unavailable {gone.key}"
    except RuntimeError as failure:
        return str(failure)


billing = at("")
first = billing.charge(account, unit="credit", amount=10, key="walk-1")
again = billing.charge(account, unit="credit", amount=10, key="walk-1")
say("charge", first["status"], first["id"] == again["id"])
say("refused", refusal(lambda: billing.charge(account, unit="credit", amount=1000)))
say("check", billing.check(account, unit="credit", amount=1000)["allowed"], billing.check(account, unit="credit", amount=1)["allowed"])
for path in ("/lost", "/slow", "/busy"):
    say(path, at(path).charge(account, unit="credit", amount=10)["status"])
say("/away", refusal(lambda: at("/away").charge(account, unit="credit", amount=10, key="walk-away")))
say("/later", refusal(lambda: at("/later").charge(account, unit="credit", amount=10)))

with billing.hold(account, unit="credit", amount=20) as hold:
    hold.extend(60)
    hold.capture(unit="credit", amount=5)


def failing():
    with billing.hold(account, unit="credit", amount=20):
        raise RuntimeError("the work failed")


say("hold", refusal(failing))

for amount in (1, 1000):
    heard = []

    def application(environ, start_response):
        heard.append(environ["billing.charge"]["id"])
        start_response("200 OK", [])
        return []

    status = []
    body = BillingMiddleware(application, billing, lambda environ: account, lambda environ: {"unit": "credit", "amount": amount})({}, lambda line, headers: status.append(line[:3]))
    say("gate", bool(heard), status[0], json.loads(b"".join(body) or b"{}").get("error_code", ""))
