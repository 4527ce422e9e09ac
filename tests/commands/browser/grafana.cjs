"use strict";
// Holds dashboards against the types that Grafana publishes of its schema, made into JSON Schema, and prints
// what does not fit, as JSON: tests/commands/browser/grafana.rs judges it.
//
//     node grafana.cjs PACKAGES DASHBOARD...

const { createRequire } = require("module");
const fs = require("fs");
const path = require("path");

const [packages, ...dashboards] = process.argv.slice(2);
const need = createRequire(path.join(packages, "/"));
const { createGenerator } = need("ts-json-schema-generator");
const Ajv = need("ajv");

const types = "./node_modules/@grafana/schema/dist/types/raw";
const names = {
  Dashboard: ["Dashboard", "dashboard"],
  StatOptions: ["Options", "composable/stat/panelcfg"],
  TimeseriesOptions: ["Options", "composable/timeseries/panelcfg"],
  TimeseriesField: ["FieldConfig", "composable/timeseries/panelcfg"],
  TableOptions: ["Options", "composable/table/panelcfg"],
  TableField: ["FieldConfig", "composable/table/panelcfg"],
  CloudWatchQuery: ["CloudWatchMetricsQuery", "composable/cloudwatch/dataquery"],
};
const source = Object.entries(names).map(([name, [type, from]]) =>
  // Grafana fills in what a panel or a query leaves out, but not in a dashboard.
  `import type { ${type} as ${name}_ } from "${types}/${from}/x/types.gen";\n` +
  `export type ${name === "Dashboard" ? "Whole" : name} = ${name === "Dashboard" ? `${name}_` : `Partial<${name}_>`};\n`);
const file = path.join(packages, "grafana.ts");
fs.writeFileSync(file, source.join(""));
const tsconfig = path.join(packages, "grafana.tsconfig.json");
const compilerOptions = { strict: true, target: "es2020", moduleResolution: "node", skipLibCheck: true };
fs.writeFileSync(tsconfig, JSON.stringify({ compilerOptions, files: ["grafana.ts"] }));

const ajv = new Ajv({ allErrors: true, strict: false });
const checks = Object.keys(names).map((name) => {
  const type = name === "Dashboard" ? "Whole" : name;
  const options = { path: file, tsconfig, type, skipTypeCheck: true, additionalProperties: false };
  return [name, ajv.compile(createGenerator(options).createSchema(type))];
});
const check = Object.fromEntries(checks);

const seen = { checked: 0, wrong: [] };
const hold = (where, type, value) => {
  seen.checked += 1;
  if (check[type](value)) return;
  seen.wrong.push(...check[type].errors.map(({ instancePath, message, params }) =>
    `${where}${instancePath}: ${message} ${JSON.stringify(params)}`));
};
for (const name of dashboards) {
  const dashboard = JSON.parse(fs.readFileSync(name, "utf8"));
  hold(name, "Dashboard", dashboard);
  for (const panel of dashboard.panels) {
    const where = `${name}, panel ${panel.id}`;
    const kind = panel.type[0].toUpperCase() + panel.type.slice(1);
    hold(`${where}, options`, `${kind}Options`, panel.options);
    if (check[`${kind}Field`]) hold(`${where}, field`, `${kind}Field`, panel.fieldConfig.defaults.custom ?? {});
    for (const target of panel.targets) {
      if (target.datasource?.type === "cloudwatch" || panel.datasource?.type === "cloudwatch") {
        hold(`${where}, ${target.refId}`, "CloudWatchQuery", target);
      }
    }
  }
}
console.log(JSON.stringify(seen));
