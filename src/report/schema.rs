//! The JSON Schema of the report.

use super::model::Report;

/// The schema as in `deploy/generated`, with a newline at its end.
pub fn json_schema() -> String {
    let schema = schemars::schema_for!(Report);
    // A schema is plain data, so this cannot fail.
    let text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text + "\n"
}
