#!/usr/bin/env bash
# tests/golden.sh DIR [SET…]: compares Imago with the reference numbers in DIR, set by set.
set -euo pipefail
home="$(cd "$(dirname "$0")" && pwd)"
dotnet build --nologo -v quiet -c Release "$home/Imago.Golden" >&2
exec dotnet "$home/Imago.Golden/bin/Release/net10.0/Imago.Golden.dll" "$@"
