//! Athena's tables have the columns that the program publishes.

use std::collections::BTreeSet;
use std::path::Path;

use super::World;
use crate::tables::parquet;

/// Returns the statements of the file, without comments.
fn statements() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/athena.sql");
    let text = std::fs::read_to_string(path).unwrap();
    let code: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let parts = code.join("\n");
    let parts = parts.split(";\n").map(|part| part.trim().trim_end_matches(';').to_owned());
    parts.filter(|part| !part.is_empty()).collect()
}

/// Returns the text between `start` and `end`.
fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no `{start}`: {text}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no `{end}`: {text}")).0
}

/// Returns names and columns of the external tables, with the types in the file.
fn tables() -> Vec<(String, Vec<String>)> {
    let statements = statements();
    let made = statements.iter().filter(|text| text.starts_with("CREATE EXTERNAL TABLE"));
    let tables = made.map(|text| {
        let name = between(text, "IF NOT EXISTS ", " (").to_owned();
        let columns = between(text, "(\n", "\n)").lines().map(|line| {
            let (column, kind) = line.trim().trim_end_matches(',').split_once(' ').unwrap();
            let types = ["string", "binary", "bigint", "double", "boolean", "timestamp"];
            assert!(types.contains(&kind), "{column} {kind}");
            column.to_owned()
        });
        (name, columns.collect())
    });
    tables.collect()
}

#[test]
fn the_columns_of_each_table_are_those_that_are_published_in_order() {
    let world = World::new();
    let homes = world.latest()["homes_table"].as_str().unwrap().to_owned();
    let findings = homes.replacen("homes/", "findings/", 1);
    let dirs = homes.replacen("homes/parquet/", "dirs/", 1);
    let published = [("homes", homes), ("findings", findings), ("dirs", dirs)];
    let columns = |key: String| parquet(std::fs::read(world.to().join(key)).unwrap()).0;
    let want: Vec<_> =
        published.map(|(table, key)| (format!("efs_scan_{table}"), columns(key))).into();
    assert_eq!(tables(), want);
}

#[test]
fn the_tables_are_where_runs_are_published() {
    let made = statements();
    for (table, folder) in
        [("homes", "homes/parquet"), ("findings", "findings/parquet"), ("dirs", "dirs")]
    {
        let head = format!("CREATE EXTERNAL TABLE IF NOT EXISTS efs_scan_{table} (");
        let text = made.iter().find(|text| text.starts_with(&head)).unwrap();
        assert!(text.contains("PARTITIONED BY (fs string, dt string)\nSTORED AS PARQUET\n"));
        let place = format!("'s3://BUCKET/PREFIX/{folder}/");
        assert!(text.contains(&format!("LOCATION {place}'")), "{text}");
        let template = format!("'storage.location.template' = {place}fs=${{fs}}/dt=${{dt}}/'");
        assert!(text.contains(&template), "{text}");
        assert!(text.contains("'projection.fs.type' = 'enum',\n  'projection.fs.values' = 'KEYS'"));
        assert!(text.contains("'projection.dt.type' = 'date'"));
        assert!(text.contains("'projection.dt.format' = 'yyyy-MM-dd'"));
        assert!(between(text, "'projection.dt.range' = '", "'").ends_with(",NOW"));
    }
}

/// Words in a view that are not columns.
const WORDS: &[&str] = &[
    "select",
    "from",
    "where",
    "and",
    "or",
    "not",
    "as",
    "with",
    "on",
    "join",
    "group",
    "by",
    "case",
    "when",
    "then",
    "else",
    "end",
    "interval",
    "day",
    "current_date",
    "cast",
    "nullif",
    "date_format",
    "sum",
    "min",
    "max",
    "max_by",
    "bigint",
    "double",
    "boolean",
    "timestamp",
    "recent",
    "held",
    "days",
    "months",
    "daily",
    "on",
    "null",
    "is",
    "distinct",
    "count",
    "substr",
    "coalesce",
    "ends",
    "of_fs",
    "first_run",
    "last_run",
];

/// Returns the words of SQL outside strings.
fn words(text: &str) -> Vec<String> {
    let code: String = text.split('\'').step_by(2).collect::<Vec<_>>().join(" ");
    let words = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let words = words.filter(|word| !word.is_empty() && !word.starts_with(char::is_numeric));
    words.map(str::to_owned).collect()
}

#[test]
fn views_name_columns_that_exist_and_only_those() {
    let mut known: Vec<(String, BTreeSet<String>)> = Vec::new();
    for (name, columns) in tables() {
        known.push((name, columns.into_iter().chain(["fs".to_owned(), "dt".to_owned()]).collect()));
    }
    let made = statements();
    let views: Vec<_> =
        made.iter().filter(|text| text.starts_with("CREATE OR REPLACE VIEW ")).collect();
    assert_eq!(views.len() + known.len(), made.len(), "statements of another kind");
    for text in views {
        let name = between(text, "VIEW ", " AS\n");
        let words = words(text.split_once(" AS\n").unwrap().1);
        let (_, columns) = known
            .iter()
            .find(|(table, _)| words.contains(table))
            .unwrap_or_else(|| panic!("{name} reads no table that was made before it"));
        let mut made = BTreeSet::new();
        for (at, word) in words.iter().enumerate() {
            let is_name = at > 0 && words[at - 1] == "AS";
            let is_table = known.iter().any(|(table, _)| table == word);
            let word = word.to_lowercase();
            // A name is valid after its definition.
            if columns.contains(&word) || is_name || made.contains(&word) {
                made.insert(word);
            } else {
                assert!(is_table || WORDS.contains(&&*word), "{name}: `{word}` is no column");
            }
        }
        known.push((name.to_owned(), made));
    }
}
