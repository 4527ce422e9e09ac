//! IAM's decision on a request, for the part of the policy language that the module uses:
//! wildcards, explicit Deny before any Allow, and two condition operators (IAM user guide, "Policy
//! evaluation logic"). Anything else fails the test.

use std::collections::BTreeMap;

use serde_json::Value;

/// A request as IAM sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ask {
    /// `s3:PutObject`.
    pub(crate) action: String,
    /// The ARN, or `*` for actions that have none.
    pub(crate) resource: String,
    /// Condition keys.
    pub(crate) context: BTreeMap<String, String>,
}

impl Ask {
    pub(crate) fn new(action: &str, resource: &str) -> Self {
        let (action, resource) = (action.to_owned(), resource.to_owned());
        Self { action, resource, context: BTreeMap::new() }
    }

    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        self.context.insert(key.to_owned(), value.to_owned());
        self
    }
}

/// Returns true if a role with these policies may do it.
pub(crate) fn allowed(policies: &[Value], ask: &Ask) -> bool {
    let statements = policies.iter().flat_map(|policy| list(&policy["Statement"]));
    let mut allowed = false;
    for statement in statements.filter(|statement| concerns(statement, ask)) {
        match statement["Effect"].as_str() {
            Some("Allow") => allowed = true,
            Some("Deny") => return false,
            other => panic!("effect {other:?} in {statement}"),
        }
    }
    allowed
}

/// Returns every action that a statement allows.
pub(crate) fn actions(policies: &[Value]) -> Vec<String> {
    let statements = policies.iter().flat_map(|policy| list(&policy["Statement"]));
    let actions = statements.flat_map(|statement| list(&statement["Action"]));
    let mut actions: Vec<String> =
        actions.map(|action| action.as_str().unwrap().to_owned()).collect();
    actions.sort();
    actions.dedup();
    actions
}

fn concerns(statement: &Value, ask: &Ask) -> bool {
    const KNOWN: [&str; 5] = ["Sid", "Effect", "Action", "Resource", "Condition"];
    for key in statement.as_object().unwrap().keys() {
        assert!(KNOWN.contains(&key.as_str()), "{key} in {statement}");
    }
    let any = |key: &str, value: &str| {
        list(&statement[key]).iter().any(|pattern| matches(pattern.as_str().unwrap(), value))
    };
    any("Action", &ask.action) && any("Resource", &ask.resource) && holds(statement, ask)
}

fn holds(statement: &Value, ask: &Ask) -> bool {
    let Some(conditions) = statement.get("Condition").and_then(Value::as_object) else {
        return true;
    };
    conditions.iter().all(|(operator, keys)| {
        keys.as_object().unwrap().iter().all(|(key, wanted)| {
            // Without the key, the condition is not met, for these operators.
            let Some(value) = ask.context.get(key) else { return false };
            list(wanted).iter().map(|wanted| wanted.as_str().unwrap()).any(|wanted| match operator
                .as_str()
            {
                "StringEquals" => wanted == value,
                "StringLike" => matches(wanted, value),
                other => panic!("the operator {other} is not known to this test"),
            })
        })
    })
}

/// Reads a value or a list of values.
fn list(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// Matches a pattern: `*` stands for anything, including nothing and slashes; `?` for one
/// character.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&pattern[1..], text)
                || text.chars().next().is_some_and(|c| matches(pattern, &text[c.len_utf8()..]))
        }
        (Some('?'), Some(c)) => matches(&pattern[1..], &text[c.len_utf8()..]),
        (Some(p), Some(c)) if p == c => matches(&pattern[p.len_utf8()..], &text[c.len_utf8()..]),
        _ => false,
    }
}

#[test]
fn the_policy_evaluation_matches_iam() {
    let policy: Value = serde_json::from_str(
        r#"{"Statement": [
            {"Effect": "Allow", "Action": ["s3:Get*", "s3:PutObject"], "Resource": "arn:aws:s3:::b/efs/*"},
            {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::b",
             "Condition": {"StringLike": {"s3:prefix": ["efs/*", "efs"]}}},
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*/secret"}]}"#,
    )
    .unwrap();
    let may = |ask: &Ask| allowed(std::slice::from_ref(&policy), ask);
    assert!(may(&Ask::new("s3:GetObject", "arn:aws:s3:::b/efs/a/b")));
    assert!(may(&Ask::new("s3:PutObject", "arn:aws:s3:::b/efs/")));
    assert!(!may(&Ask::new("s3:PutObjectAcl", "arn:aws:s3:::b/efs/a")));
    assert!(!may(&Ask::new("s3:PutObject", "arn:aws:s3:::b/other/a")));
    assert!(!may(&Ask::new("s3:GetObject", "arn:aws:s3:::b/efs/secret")), "denied before allowed");
    let list = Ask::new("s3:ListBucket", "arn:aws:s3:::b");
    assert!(!may(&list), "a condition on what is not there is not met");
    assert!(may(&list.clone().with("s3:prefix", "efs/dt=1")));
    assert!(!may(&list.with("s3:prefix", "")));
}
