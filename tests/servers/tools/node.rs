//! Cases of JavaScript's tools.

use super::case::{Case, REMOVED};

pub(super) const CASES: &[Case] = &[
    Case {
        rule: "npm-cache",
        needs: &["npm", "node"],
        version: "npm --version | sed 's/^/npm /'",
        finds: ".npm/_cacache",
        make: "npm cache add $DEMO/efsdemo-1.0.0.tgz",
        again: "npm cache add $DEMO/efsdemo-1.0.0.tgz",
        runs: &["npm", "node"],
        records: &[".npm/_logs", ".npm/_update-notifier-last-checked"],
    },
    Case {
        rule: "node-modules",
        needs: &["npm", "node"],
        version: "npm --version | sed 's/^/npm /'",
        finds: "p/node_modules",
        make: "mkdir p && cd p && echo '{}' >package.json && npm install --offline $DEMO/efsdemo-1.0.0.tgz",
        again: "cd p && npm ci --offline",
        ..REMOVED
    },
    Case {
        rule: "node-modules",
        needs: &["yarn", "node"],
        version: "yarn --version | sed 's/^/yarn /'",
        finds: "p/node_modules",
        make: "mkdir p && cd p && echo '{}' >package.json && yarn add --offline $DEMO/efsdemo-1.0.0.tgz",
        again: "cd p && yarn install --offline",
        ..REMOVED
    },
    Case {
        rule: "node-modules",
        needs: &["pnpm", "node"],
        version: "pnpm --version | sed 's/^/pnpm /'",
        finds: "p/node_modules",
        make: "mkdir p && cd p && echo '{}' >package.json
               pnpm add --offline --package-import-method=copy $DEMO/efsdemo-1.0.0.tgz",
        again: "cd p && pnpm install --offline --frozen-lockfile",
        ..REMOVED
    },
    Case {
        rule: "node-modules",
        needs: &["bun"],
        version: "bun --version | sed 's/^/bun /'",
        finds: "p/node_modules",
        make: "mkdir p && cd p && echo '{}' >package.json && bun add --backend=copyfile $DEMO/efsdemo-1.0.0.tgz",
        again: "cd p && bun install --frozen-lockfile",
        ..REMOVED
    },
];
