//! Cases of compilers' tools.

use super::case::{BASE, Case};

pub(super) const CASES: &[Case] = &[
    Case {
        needs: &["cargo", "rustc"],
        version: "cargo --version",
        finds: "p/target",
        make: "mkdir -p p/src && cd p && echo 'fn main() {}' >src/main.rs
               printf '[package]\\nname = \"p\"\\n[workspace]\\n' >Cargo.toml && cargo build -q --offline",
        again: "cd p && cargo build -q --offline",
        records: &[".cargo"],
        ..BASE
    },
    Case {
        needs: &["cargo", "rustc", "git"],
        version: "cargo --version",
        finds: ".cargo/git",
        make: "mkdir -p p/src && cd p && echo 'fn main() {}' >src/main.rs
               printf '[package]\\nname = \"p\"\\n[workspace]\\n[dependencies]\\n' >Cargo.toml
               echo \"dep = { git = 'file://$DEMO/crate' }\" >>Cargo.toml && cargo fetch -q",
        again: "cd p && cargo fetch -q",
        advised: "rm -rf .cargo/git",
        ..BASE
    },
    Case {
        needs: &["go"],
        version: "go version",
        finds: ".cache/go-build",
        make: "mkdir p && cd p && go mod init example.com/p
               echo 'package main; func main() {}' >p.go && go build",
        again: "cd p && go build",
        ..BASE
    },
    Case {
        needs: &["go"],
        version: "go version",
        finds: "go/pkg/mod",
        make: "mkdir p && cd p && go mod init example.com/p
               export GOPROXY=file://$DEMO/proxy GOSUMDB=off GOFLAGS=-mod=mod
               echo 'package main; import _ \"github.com/efs-scan/dep\"; func main() {}' >p.go && go get github.com/efs-scan/dep@v1.0.0",
        again: "cd p && GOPROXY=file://$DEMO/proxy GOSUMDB=off go mod download",
        advised: "go clean -modcache",
        records: &[".config/go/telemetry"],
    },
];
