#!/usr/bin/env bash
# A night's back-up. The figures in it are sealed; the keys go to another place, and there mirror
# the folder of now: a key that was destroyed must not live on in the copy.
#   BACKUPS     where back-ups go, a folder for each night
#   KEYS_COPY   where the copy of the data keys goes, on another machine's disk
#   KEEP        how many nights are kept (30)
set -euo pipefail
: "${BACKUPS:?names no folder}" "${KEYS_COPY:?names no folder}" "${NEWSTART_DATA_KEYS:?names no folder}"
keep=${KEEP:-30}
data_keys=$(realpath -- "$NEWSTART_DATA_KEYS")
keys_copy=$(realpath -m -- "$KEYS_COPY")

# A night's folder has its name only once it is whole: what an ended run left is none, and counts
# for none.
night="$BACKUPS/.unfinished"
mkdir -p "$BACKUPS"
rm -rf -- "$night"
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

# Whatever ends this on its way, the copy holds every key that it held or is to hold: all is written
# beside, then takes its place file by file, and only then does what is gone here go there too.
new="$keys_copy/.new"
mkdir -p "$keys_copy"
holds() { find "$1" -type f -print -quit | grep -q .; }
if holds "$keys_copy" && ! holds "$data_keys"; then
  # A destroyed key leaves a note: a folder of nothing is a disk that is not there.
  echo "$data_keys holds no key, and its copy in $keys_copy does: nothing was copied or removed." >&2
  exit 1
fi
rm -rf -- "$new"
cp -a "$data_keys" "$new"
# What there is to hold, by what was copied: the disk of keys may go while this runs.
held_now=$(cd "$new" && find . -type f | LC_ALL=C sort)
sync
(
  cd "$new"
  find . -mindepth 1 -type d -exec mkdir -p -m 700 "$keys_copy/{}" \;
  find . -type f -exec mv -fT "{}" "$keys_copy/{}" \;
)
rm -rf -- "$new"
sync
(
  cd "$keys_copy"
  find . -type f | LC_ALL=C sort | LC_ALL=C comm -23 - <(printf '%s\n' "$held_now") \
    | while IFS= read -r gone; do rm -f -- "$gone"; done
  # And what was destroyed while this ran, of which there is a note.
  find . -type f | while IFS= read -r held; do
    if [ -e "$data_keys/$held.destroyed.json" ]; then rm -f -- "$held"; fi
  done
)

mv -T -- "$night" "$BACKUPS/$(date --utc +%Y-%m-%dT%H%M%SZ)"

# The oldest go: what retention removed from the portal must not live on in its back-ups for ever.
find "$BACKUPS" -mindepth 1 -maxdepth 1 -type d -name '20*Z' | sort | head -n "-$keep" \
  | while IFS= read -r old; do rm -rf -- "$old"; done
