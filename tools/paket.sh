#!/usr/bin/env bash
# Runs Paket with its package source taken from this machine's NuGet settings, so that no registry's name stands in the repository.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
start=$PWD
cd "$root"
# 'dotnet pack' asks these twice for each package: they need no source, and the restore before has brought Paket.
case ${1:-} in
  fix-nuspecs | show-conditions) packing=1 CONDEMBED_NUGET=${CONDEMBED_NUGET:-none} && export CONDEMBED_NUGET ;;
  *) packing= ;;
esac
if [ -z "${CONDEMBED_NUGET:-}" ]; then
  CONDEMBED_NUGET=$(dotnet nuget list source --format short | awk '/^E/ && !found { sub(/^[A-Z]+ /, ""); print; found = 1 }')
  export CONDEMBED_NUGET
fi
if [ -z "$CONDEMBED_NUGET" ]; then
  echo "tools/paket.sh: no enabled NuGet source; add one with 'dotnet nuget add source', or set CONDEMBED_NUGET." >&2
  exit 2
fi
[ -n "$packing" ] || (
  flock 9 2>/dev/null || true
  dotnet tool restore >/dev/null
) 9>"${TMPDIR:-/tmp}/condembed-paket-$(id -u).lock"
cd "$start"
status=0
if [ "${1:-}" = fix-nuspecs ]; then
  # Part of 'dotnet pack': what Paket traces is shown only where it fails.
  said=$(dotnet paket "$@" 2>&1) || { status=$?; printf '%s\n' "$said" >&2; }
else
  dotnet paket "$@" || status=$?
fi
# 'install' and 'update' write the source's real address: put the placeholder back.
if [ -f "$root/paket.lock" ] && grep -qE 'remote: [^%]' "$root/paket.lock"; then
  sed -E 's|^( *remote: ).*|\1%CONDEMBED_NUGET%|' "$root/paket.lock" >"$root/paket.lock.new"
  mv "$root/paket.lock.new" "$root/paket.lock"
fi
exit $status
