# shellcheck shell=bash
# Installs the cargo tools that packages and images are made with. Sourced by bash.

tools=${XDG_CACHE_HOME:-$HOME/.cache}/efs-scan/tools

# tool NAME VERSION: installs it once, below the user's cache directory. Built with little
# optimisation: these tools run rarely and only copy files.
tool() {
  if [[ ! -e $tools/$1-$2/bin/$1 ]]; then
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off \
      CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=0 \
      cargo install "$1" --version "=$2" --locked --quiet --root "$tools/$1-$2" >&2
  fi
}
