#!/usr/bin/env bash
# Addresses with passwords come as files (secrets), and never as words of a command or an image:
# NEWSTART_DATABASE_FILE names the file that holds NEWSTART_DATABASE, and so on.
set -euo pipefail

for name in NEWSTART_DATABASE NEWSTART_PORTAL_DATABASE AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; do
  file="${name}_FILE"
  if [ -n "${!file:-}" ]; then
    value=$(tr -d '\r\n' < "${!file}")
    export "$name=$value"
  fi
done

exec "$@"
