# Charges against pgbench: sourced by bench/run.

grant() { # number of the account
  curl -s -o "$home/grant.json" -w '%{http_code}' -H "Authorization: Bearer $API_KEY" -H 'Content-Type: application/json' -H "Idempotency-Key: seed-$1" \
    -d "{\"account\":\"bench-$1\",\"unit\":\"credit\",\"amount\":900000000,\"reason\":\"bench\"}" "http://127.0.0.1:$port/api/v1/admin/grants"
}

# The twin's sessions have the role and the settings of the application's own writer.
by_pgbench() { # name script accounts [charges in a transaction]
  psql -q billing -c checkpoint
  PGUSER=billing_app PGOPTIONS='-c role=billing_writer -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off' \
    "$bin/pgbench" -n -M prepared -c $clients -j 2 -T $seconds -D accounts="$3" -f "$BENCH/$2" twin >"$home/pgbench.out" 2>&1 ||
    { cat "$home/pgbench.out" >&2; exit 1; }
  note "$1" "$(awk -v n="${4:-1}" '/^tps/ { print $3 * n }' "$home/pgbench.out")"
}

measure_charges() {
  local seeded number turn half
  start_app
  say "Granting credits to $accounts accounts"
  seeded=0
  for _ in $(seq 60); do
    ACCOUNTS=$accounts FROM=$seeded wrk_run 64 2 seed.lua
    seeded=$(psql -qAt billing -c 'select count(*) from grants')
    [ "$seeded" -ge $((accounts * 98 / 100)) ] && break
  done
  # wrk breaks off in the middle of requests: what it left out is granted one by one.
  for number in $(psql -qAt billing -c "select n from generate_series(1, $accounts) n where not exists (select from accounts a join grants g using (account_id) where a.external_id = 'bench-' || n)"); do
    [ "$(grant "$number")" = 201 ] || { say "Account $number was not granted credits:"; cat "$home/grant.json" >&2; tail -20 "$home/app.log" >&2; exit 1; }
  done
  stop_app
  psql -q billing -c 'vacuum analyze'
  psql -q -v ON_ERROR_STOP=1 postgres -c 'create database twin template billing owner billing_owner'
  psql -q -v ON_ERROR_STOP=1 twin -f "$BENCH/same-rows-tables.sql" -f "$BENCH/barest-debit-tables.sql"
  start_app

  # New plans, warm code, grown tables: nothing of this is counted. By work done, not by time: a slow machine needs longer to compile what is hot.
  say "Warming up"
  for turn in $(seq 20); do
    ACCOUNTS=$((turn % 3 == 0 ? 1 : accounts)) TAG=warm$turn$RANDOM wrk_run $connections 3 charge.lua
    [ "$(psql -qAt billing -c 'select count(*) from charges')" -ge 120000 ] && [ $turn -ge 3 ] && break
  done
  ACCOUNTS=$accounts TARGET=/api/v1/check wrk_run $connections 15 charge.lua
  ACCOUNTS=$accounts TAG=warm$RANDOM wrk_run 4 6 batch.lua
  say "Measuring: $rounds round(s) of $seconds s each"
  for _ in $(seq $rounds); do
    by_http    charges-spread charge.lua ACCOUNTS=$accounts
    by_pgbench same-spread    same-rows.sql $accounts
    by_pgbench barest-spread  barest-debit.sql $accounts
    by_http    charges-hot    charge.lua ACCOUNTS=1
    by_pgbench same-hot       same-rows.sql 1
    by_pgbench barest-hot     barest-debit.sql 1
    # Few requests of 500, so that few are under way when the time is over; one session for the SQL, as the ledger has one writer.
    connections=4 by_http batch      batch.lua ACCOUNTS=$accounts
    clients=1   by_pgbench batched    batched.sql $accounts 500
    by_http    check          charge.lua ACCOUNTS=$accounts TARGET=/api/v1/check
    by_http    empty          get.lua TARGET=/health/live
  done
  # Each round's own, not their mean: one that meets a vacuum is far off the others.
  half=$(awk -v t="$(mean charges-spread)" 'BEGIN { printf "%d", t / 2 }')
  p50= p99=
  for _ in $(seq $rounds); do
    by_http charges-half-rate charge.lua ACCOUNTS=$accounts PER_SECOND=$half CONNECTIONS=$connections
    p50=${p50:+$p50, }$(field p50) p99=${p99:+$p99, }$(field p99)
  done

  # A rate counts only if what it took is in the ledger.
  say "Verifying the ledger"
  stop_app
  env "${app_settings[@]}" dotnet "$dll" ledger verify >"$home/verify.log" 2>&1 || { say "The ledger does not verify:"; tail -20 "$home/verify.log" >&2; exit 1; }
  charges=$(psql -qAt billing -c 'select count(*) from charges')
}
