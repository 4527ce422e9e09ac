#!/usr/bin/env bash
# Measures efs-scan beside its peers on one tree and prints a Markdown table.
#
# Usage: benches/compare.sh [TREE]
#
# Without TREE, the script makes a tree of about a million entries below the target directory, once.
# Environment: RUNS (5 or more); PEERS=installed uses only installed peers;
# NCDU2 is the path of an ncdu 2.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

need cargo hyperfine findmnt awk du
build
build -p efs-scan-bench
use_tree "$@"
bin=$target/release

cores=$(nproc)
contender "efs-scan" "$bin/efs-scan" "$tree" --format json
contender "efs-scan, portable engine (jwalk)" "$bin/efs-scan" "$tree" --format json --engine portable --portable-as-root
contender "floor, 1 thread" "$bin/floor" --threads 1 "$tree"
contender "floor, $cores threads" "$bin/floor" --threads "$cores" "$tree"
contender "du -s" du -s "$tree"
peers_on "$tree"

# Memory first: this also shows which contenders work at all.
peak=()
failed=()
for index in "${!commands[@]}"; do
  read -ra words <<<"${commands[index]}"
  if kib=$("$bin/peak" "${words[@]}"); then
    peak[index]=$(ratio "$kib" 1024)
  else
    failed+=("${names[index]}")
    unset "commands[index]"
  fi
done
measure

for index in "${!commands[@]}"; do
  case ${names[index]} in
    "du -s") du=$(median "$index" 1) ;;
    "floor, $cores threads") floor=$(median "$index" 1) floor_cpu=$(median "$index" 2) ;;
  esac
done
heading
echo "| tool | version | median s | ratio to \`du -s\` | ratio to the floor | CPU s | peak MiB |"
echo "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
for index in "${!commands[@]}"; do
  time=$(median "$index" 1)
  printf '| %s | %s | %.2f | %s | %s | %.2f | %.1f |\n' "${names[index]}" \
    "$(version "${commands[index]}")" "$time" "$(ratio "$time" "$du")" \
    "$(ratio "$time" "$floor")" "$(median "$index" 2)" "${peak[index]}"
done
if awk -v cpu="$floor_cpu" -v wall="$floor" -v n="$cores" \
  'BEGIN { exit !(cpu < 0.8 * n * wall) }'; then
  printf '\n**Not to be trusted:** the floor was given less than 80 %% of the %s cores; %s\n' \
    "$cores" "something else was running, and everything parallel looks slower than it is."
fi
printf '\nNot installed here: %s.\n' "${absent[*]:-none}"
if ((${#failed[@]})); then
  printf 'Failed, hence not timed:'
  printf ' %s;' "${failed[@]}"
  echo
  exit 1
fi
