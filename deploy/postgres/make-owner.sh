#!/bin/bash
# Runs once, when the cluster is made: the role that migrates, and its database. The role that serves is made by `migrate`.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v password="$(cat /run/secrets/billing_owner_password)" <<'SQL'
create role billing_owner login createrole password :'password';
create database billing owner billing_owner;
SQL
