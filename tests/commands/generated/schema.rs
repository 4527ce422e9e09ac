//! A validator for the part of JSON Schema that the report's schema uses. It is stricter:
//! properties that the schema does not name are errors, and so are keywords that this validator
//! does not know.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

pub(crate) struct Schema {
    root: Value,
}

/// Findings of a walk over a document.
#[derive(Default)]
struct Met {
    problems: Vec<String>,
    /// Definitions and properties that had a value, with the first place of each.
    properties: BTreeMap<String, String>,
    required: BTreeSet<String>,
}

impl Schema {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let root = serde_json::from_slice(bytes).unwrap();
        Self { root }
    }

    /// Returns the errors of a document.
    pub(crate) fn problems(&self, document: &Value) -> Vec<String> {
        self.met(document).problems
    }

    /// Returns the properties that the document has nowhere, or nowhere with a value.
    pub(crate) fn unseen(&self, document: &Value) -> Vec<String> {
        let met = self.met(document).properties;
        let definitions = self.root["$defs"].as_object().unwrap();
        let root = ("Report".to_owned(), &self.root);
        let all = definitions.iter().map(|(name, schema)| (name.clone(), schema)).chain([root]);
        let properties = all.flat_map(|(name, schema)| {
            let properties = schema.get("properties").and_then(Value::as_object);
            let keys = properties.map(|map| map.keys().cloned().collect::<Vec<_>>());
            keys.unwrap_or_default().into_iter().map(move |key| format!("{name}.{key}"))
        });
        properties.filter(|property| !met.contains_key(property)).collect()
    }

    /// Returns one place of each property, as JSON pointers.
    pub(crate) fn places(&self, document: &Value) -> Vec<String> {
        self.met(document).properties.into_values().collect()
    }

    /// Returns true if the property at a place is required.
    pub(crate) fn requires(&self, document: &Value, place: &str) -> bool {
        self.met(document).required.contains(place)
    }

    fn met(&self, document: &Value) -> Met {
        let met = RefCell::new(Met::default());
        self.check(&self.root, "Report", document, "", &met);
        met.into_inner()
    }

    fn check(&self, schema: &Value, name: &str, value: &Value, at: &str, met: &RefCell<Met>) {
        let schema = schema.as_object().unwrap();
        let problem = |what: String| met.borrow_mut().problems.push(format!("{at}: {what}"));
        let fits = |schema: &Value| {
            let alone = RefCell::new(Met::default());
            self.check(schema, name, value, at, &alone);
            alone.into_inner().problems.is_empty()
        };
        for (keyword, said) in schema {
            match keyword.as_str() {
                "$schema" | "title" | "description" | "$defs" | "required" => {}
                "$ref" => {
                    let name = said.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.check(&self.root["$defs"][name], name, value, at, met);
                }
                "type" => {
                    let types = match said {
                        Value::Array(types) => types.iter().collect(),
                        one => vec![one],
                    };
                    if !types.iter().any(|one| is_a(value, one.as_str().unwrap())) {
                        problem(format!("{value} is not of type {said}"));
                    }
                }
                "format" => {
                    let limit = match said.as_str().unwrap() {
                        "uint8" => u64::from(u8::MAX),
                        "uint32" => u64::from(u32::MAX),
                        "uint" | "uint64" => u64::MAX,
                        "double" => continue,
                        other => panic!("teach this test about the format {other}"),
                    };
                    if value.as_u64().is_some_and(|number| number > limit) {
                        problem(format!("{value} does not fit {said}"));
                    }
                }
                "minimum" => {
                    if value.as_f64().is_some_and(|number| number < said.as_f64().unwrap()) {
                        problem(format!("{value} is less than {said}"));
                    }
                }
                "const" if value != said => problem(format!("{value} is not {said}")),
                "const" => {}
                "enum" if !said.as_array().unwrap().contains(value) => {
                    problem(format!("{value} is none of {said}"));
                }
                "enum" => {}
                "anyOf" | "oneOf" => {
                    let fitting: Vec<_> =
                        said.as_array().unwrap().iter().filter(|s| fits(s)).collect();
                    match fitting[..] {
                        // Again, to record what it finds.
                        [one] => self.check(one, name, value, at, met),
                        _ => problem(format!("{} of {said} fit {value}", fitting.len())),
                    }
                }
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.check(said, name, item, &format!("{at}/{index}"), met);
                    }
                }
                "additionalProperties" => {
                    for (key, member) in value.as_object().into_iter().flatten() {
                        self.check(said, name, member, &format!("{at}/{key}"), met);
                    }
                }
                "properties" => {
                    if let Some(object) = value.as_object() {
                        self.properties(schema, name, object, at, met);
                    }
                }
                // An annotation: the value that a reader assumes if the key is missing.
                "default" => {}
                other => panic!("teach this test about the keyword {other}"),
            }
        }
    }

    fn properties(
        &self,
        schema: &Map<String, Value>,
        name: &str,
        object: &Map<String, Value>,
        at: &str,
        met: &RefCell<Met>,
    ) {
        let required = schema.get("required").and_then(Value::as_array);
        for key in required.into_iter().flatten() {
            let key = key.as_str().unwrap();
            if !object.contains_key(key) {
                let problem = format!("{at}: {key} is missing");
                met.borrow_mut().problems.push(problem);
            }
            met.borrow_mut().required.insert(format!("{at}/{key}"));
        }
        for (key, value) in object {
            let place = format!("{at}/{key}");
            let Some(said) = schema["properties"].get(key) else {
                let problem = format!("{place}: the schema does not name it");
                met.borrow_mut().problems.push(problem);
                continue;
            };
            if !value.is_null() {
                let mut met = met.borrow_mut();
                met.properties.entry(format!("{name}.{key}")).or_insert(place.clone());
            }
            self.check(said, name, value, &place, met);
        }
    }
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("teach this test about the type {other}"),
    }
}
