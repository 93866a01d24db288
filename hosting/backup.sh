#!/usr/bin/env bash
# A night's back-up. The figures in it are sealed; the keys go to another place, and there mirror
# the folder of now: a key that was destroyed must not live on in the copy.
#   BACKUPS     where back-ups go, a folder for each night
#   KEYS_COPY   where the copy of the data keys goes, on another machine's disk
#   KEEP        how many nights are kept (30)
set -euo pipefail
: "${BACKUPS:?names no folder}" "${KEYS_COPY:?names no folder}" "${NEWSTART_DATA_KEYS:?names no folder}"
keep=${KEEP:-30}

night="$BACKUPS/$(date --utc +%Y-%m-%dT%H%M%SZ)"
newstart=$(command -v newstart || echo /opt/newstart/.venv/bin/newstart)
# Without the portal's address: its tables on PostgreSQL are dumped below, and in an SQLite file are
# taken along by this.
env -u NEWSTART_PORTAL_DATABASE "$newstart" ledger backup "$night"

if [ -n "${NEWSTART_PORTAL_DATABASE:-}" ]; then
  # On PostgreSQL the portal's tables have their own way; drafts' files lie beside them.
  mkdir -p "$night/portal"
  pg_dump --format=custom --file="$night/portal/portal.dump" "$NEWSTART_PORTAL_DATABASE"
  if [ -d "${NEWSTART_WORKSPACE:?}/var/portal/drafts" ]; then
    cp -a "$NEWSTART_WORKSPACE/var/portal/drafts" "$night/portal/drafts"
  fi
fi

mkdir -p "$KEYS_COPY"
find "$KEYS_COPY" -mindepth 1 -delete
cp -a "$NEWSTART_DATA_KEYS/." "$KEYS_COPY/"

# The oldest go: what retention removed from the portal must not live on in its back-ups for ever.
find "$BACKUPS" -mindepth 1 -maxdepth 1 -type d -name '20*Z' | sort | head -n "-$keep" \
  | while IFS= read -r old; do rm -rf -- "$old"; done
