//! Cases of JavaScript's tools.

use super::case::{BASE, Case};

pub(super) const CASES: &[Case] = &[
    Case {
        needs: &["npm", "node"],
        version: "npm --version | sed 's/^/npm /'",
        finds: ".npm/_cacache",
        make: "npm cache add $DEMO/efsdemo-1.0.0.tgz",
        again: "npm cache add $DEMO/efsdemo-1.0.0.tgz",
        ..BASE
    },
    Case {
        needs: &["npm", "node"],
        version: "npm --version | sed 's/^/npm /'",
        finds: "p/node_modules",
        make: "mkdir p && cd p && echo '{}' >package.json && npm install --offline $DEMO/efsdemo-1.0.0.tgz",
        advised: "rm -rf p/node_modules",
        again: "cd p && npm ci --offline",
        ..BASE
    },
    Case {
        needs: &["yarn", "node"],
        version: "yarn --version | sed 's/^/yarn /'",
        finds: "p/node_modules",
        make: "mkdir p && cd p && echo '{}' >package.json && YARN_CACHE_FOLDER=$HOME/.cache/yarn yarn add --offline $DEMO/efsdemo-1.0.0.tgz",
        advised: "rm -rf p/node_modules",
        again: "cd p && YARN_CACHE_FOLDER=$HOME/.cache/yarn yarn install --offline",
        ..BASE
    },
    Case {
        needs: &["pnpm", "node"],
        version: "pnpm --version | sed 's/^/pnpm /'",
        finds: "p/node_modules",
        make: "mkdir p && cd p && echo '{}' >package.json
               pnpm add --offline --package-import-method=copy $DEMO/efsdemo-1.0.0.tgz",
        advised: "rm -rf p/node_modules",
        again: "cd p && pnpm install --offline --frozen-lockfile",
        ..BASE
    },
    // Yarn 1 has another cache for root.
    Case {
        needs: &["yarn", "node"],
        version: "yarn --version | sed 's/^/yarn /'",
        finds: ".cache/yarn",
        make: "mkdir p && cd p && echo '{}' >package.json
               YARN_CACHE_FOLDER=$HOME/.cache/yarn yarn add --offline $DEMO/efsdemo-1.0.0.tgz && rm -r node_modules",
        advised: "YARN_CACHE_FOLDER=$HOME/.cache/yarn yarn cache clean",
        again: "cd p && YARN_CACHE_FOLDER=$HOME/.cache/yarn yarn install --offline",
        ..BASE
    },
    Case {
        needs: &["yarn-berry", "node"],
        version: "yarn-berry --version | sed 's/^/yarn /'",
        finds: ".yarn/berry/cache",
        make: "mkdir p && cd p && echo '{}' >package.json && touch yarn.lock && export YARN_ENABLE_TELEMETRY=0
               yarn-berry add efsdemo@file:$DEMO/efsdemo-1.0.0.tgz",
        advised: "rm -rf .yarn/berry/cache",
        again: "cd p && YARN_ENABLE_TELEMETRY=0 yarn-berry install",
        records: &["p/.yarn"],
    },
    // `pnpm store prune` of this version frees nothing at once, so it is only recognised here.
    Case {
        needs: &["pnpm", "node"],
        version: "pnpm --version | sed 's/^/pnpm /'",
        finds: ".local/share/pnpm/store",
        make: "mkdir p && cd p && echo '{}' >package.json && pnpm add --offline $DEMO/efsdemo-1.0.0.tgz
               rm -r node_modules",
        again: "cd p && pnpm install --offline",
        ..BASE
    },
    Case {
        needs: &["bun"],
        version: "bun --version | sed 's/^/bun /'",
        finds: ".bun/install/cache",
        make: "mkdir p && cd p && echo '{}' >package.json && bun add --backend=copyfile $DEMO/efsdemo-1.0.0.tgz",
        advised: "cd p && bun pm cache rm",
        again: "cd p && rm -r node_modules && bun install --backend=copyfile",
        ..BASE
    },
    Case {
        needs: &["deno"],
        version: "deno --version",
        finds: ".cache/deno",
        make: "echo 'console.log(1)' >a.ts && deno run -q a.ts",
        advised: "deno clean",
        again: "deno run -q a.ts",
        ..BASE
    },
];
