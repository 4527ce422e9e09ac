# shellcheck shell=bash
# Installs the cargo tools that packages and images are made with. Sourced by bash.

tools=${XDG_CACHE_HOME:-$HOME/.cache}/efs-scan/tools

# tool NAME VERSION: installs it once, below the user's cache directory. Built without optimisation:
# these tools run rarely, and building them takes longer than all that they do. Two scripts that
# need the same tool at the same time build it once.
tool() {
  mkdir -p "$tools"
  (
    flock 9
    if [[ ! -e $tools/$1-$2/bin/$1 ]]; then
      CARGO_PROFILE_DEV_DEBUG=0 cargo install "$1" --version "=$2" --debug --locked --quiet \
        --root "$tools/$1-$2" >&2
    fi
  ) 9>"$tools/lock-$1"
}
