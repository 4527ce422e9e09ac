#!/usr/bin/env bash
# Measures the peak memory of a scan of very many files: by default 10,000,000 empty files, 20 in each
# of 500,000 directories, in 200 homes.
#
# Usage: benches/memory.sh DIR [HOMES]
#
# DIR must not exist, and its file system needs that many inodes; a tmpfs takes about 1 KiB of memory
# per inode (mount it with nr_inodes=0). The script leaves DIR behind, for a second look.
set -euo pipefail

# shellcheck source=benches/common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

dir=${1:?which directory}
homes=${2:-200}
if [[ -e $dir ]]; then
  echo "$dir exists" >&2
  exit 2
fi
build
build -p efs-scan-bench

# directories: prints the paths of 50 x 50 directories for each home.
directories() {
  local home a
  for ((home = 0; home < homes; home++)); do
    for a in {00..49}; do
      printf "$((200005 + home))/a$a/b%s\0" {00..49}
    done
  done
}
mkdir "$dir"
(cd "$dir" && directories | xargs -0 mkdir -p)
(
  cd "$dir"
  directories | while IFS= read -r -d '' path; do
    printf "$path/file-%s\0" {00..19}
  done | xargs -0 touch
)

for threads in 2 64; do
  kib=$("$target/release/peak" "$target/release/efs-scan" "$dir" --threads "$threads" --format json)
  echo "$threads workers: $(ratio "$kib" 1024) MiB"
done
