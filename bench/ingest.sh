# Events against COPY: sourced by bench/run. On a database of its own with the catalog of metered plans, so that every event is charged and counted as it comes.

usage_settings=("ConnectionStrings__Billing=Host=$home;Port=5432;Database=usage;Maximum Pool Size=30;Username=billing_app;Password=app" "Catalog__File=$PWD/catalogs/metered-plans.json")

usage_sql() { psql -qAt -v ON_ERROR_STOP=1 "${2:-usage}" -c "$1"; }

# What was accepted is charged and counted in the background; COPY must not run beside that.
until_counted() {
  for _ in $(seq 600); do
    [ "$(usage_sql 'select not exists (select from uncharged_usage) and not exists (select from uncounted_charges)')" = t ] && return
    sleep 0.2
  done
  say "The events were not charged in time:"; tail -20 "$home/app.log" >&2
  exit 1
}

# The very rows that the portal has just written, into a copy of both tables with all their constraints: 500 in a transaction, as many sessions as connections. As superuser: row security refuses COPY to others.
by_copy() { # since
  local rows sessions=$1 since=$2 name script started
  rm -rf "$home/copy"
  mkdir "$home/copy"
  chmod 777 "$home/copy"
  for name in usage_keys usage_events; do
    usage_sql "copy (select * from $name where received_at >= '$since' order by received_at, account_id, digest) to stdout" >"$home/copy/$name"
    split -l 500 -a 4 -d "$home/copy/$name" "$home/copy/$name."
  done
  rows=$(wc -l <"$home/copy/usage_keys")
  [ "$rows" = "$(wc -l <"$home/copy/usage_events")" ] || { say "Keys and events differ in number."; exit 1; }
  for part in "$home"/copy/usage_keys.*; do
    script=$home/copy/session$((10#${part##*.} % sessions)).sql
    printf "begin;\ncopy usage_keys from '%s';\ncopy usage_events from '%s';\ncommit;\n" "$part" "${part/usage_keys/usage_events}" >>"$script"
  done
  chmod -R a+rX "$home/copy"
  psql -q usage_twin -c checkpoint
  started=$(date +%s.%N)
  for script in "$home"/copy/session*.sql; do
    psql -q -v ON_ERROR_STOP=1 usage_twin -f "$script" &
    copying+=($!)
  done
  for session in "${copying[@]}"; do
    wait "$session" || { say "COPY failed."; exit 1; }
  done
  copying=()
  note copy "$(awk -v n="$rows" -v from="$started" -v to="$(date +%s.%N)" 'BEGIN { print n / (to - from) }')"
}

measure_ingest() {
  local turn since taken copying=()
  psql -q -v ON_ERROR_STOP=1 postgres -c 'create database usage owner billing_owner'
  env "${app_settings[@]}" "${usage_settings[@]}" "ConnectionStrings__BillingOwner=Host=$home;Port=5432;Database=usage;Username=billing_owner;Password=owner" \
    dotnet "$dll" migrate >"$home/migrate.log" 2>&1 || { cat "$home/migrate.log" >&2; exit 1; }
  start_app "${usage_settings[@]}"
  say "Warming up with events of $accounts accounts"
  for turn in $(seq 20); do
    ACCOUNTS=$accounts TAG=known$turn$RANDOM IN_TURN=1 wrk_run 1 3 events.lua
    [ "$(usage_sql 'select count(*) from accounts')" -ge "$accounts" ] && break
  done
  until_counted
  stop_app
  psql -q usage -c 'vacuum analyze'
  psql -q -v ON_ERROR_STOP=1 postgres -c 'create database usage_twin template usage'
  start_app "${usage_settings[@]}"
  # The code that is hot is compiled anew while it runs: a process that has just started says nothing of one that runs for days.
  # All accounts once, so that they are known; then few, so that little is to be charged afterwards.
  ACCOUNTS=$accounts TAG=all$RANDOM IN_TURN=1 wrk_run 1 3 events.lua
  taken=$(usage_sql 'select count(*) from usage_events')
  for turn in $(seq 20); do
    ACCOUNTS=100 TAG=again$turn$RANDOM wrk_run 4 3 events.lua
    [ "$(usage_sql 'select count(*) from usage_events')" -ge $((taken + 400000)) ] && break
  done
  until_counted
  for _ in $(seq $rounds); do
    since=$(usage_sql 'select clock_timestamp()')
    connections=4 by_http events events.lua ACCOUNTS=$accounts
    until_counted
    by_copy 4 "$since"
  done
  stop_app
  env "${app_settings[@]}" "${usage_settings[@]}" dotnet "$dll" ledger verify >"$home/verify.log" 2>&1 || { say "The ledger of the events does not verify:"; tail -20 "$home/verify.log" >&2; exit 1; }
  [ "$(usage_sql 'select count(*) from usage_events')" = "$(usage_sql 'select sum(events)::bigint from usage_rollups')" ] || { say "Events and rollups differ in number."; exit 1; }
}
