#!/bin/sh
# Run once by the image of PostgreSQL, when the database is made: two roles that own nothing of the
# ledger, and a database of its own for the portal's tables. Passwords are set by hand afterwards
# (\password ledger_app), so that none stands in a file of the image.
set -eu
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<'SQL'
CREATE ROLE ledger_app LOGIN;
CREATE ROLE ledger_reader LOGIN;
CREATE ROLE portal_app LOGIN;
CREATE DATABASE portal OWNER portal_app;
REVOKE ALL ON DATABASE ledger FROM PUBLIC;
GRANT CONNECT ON DATABASE ledger TO ledger_app, ledger_reader;
REVOKE ALL ON DATABASE portal FROM PUBLIC;
SQL
