//! The JSON form, of a report or any other value: indented, and safe for a terminal. The keys are the
//! fields of [`Report`](super::Report) in model.rs.

use serde::Serialize;

use crate::text::Shown;

/// `value` as indented JSON with a newline at its end. Its strings hold no character that a
/// terminal would act on.
///
/// # Errors
/// A sentence about the value that JSON cannot hold.
pub fn json(value: &impl Serialize) -> Result<Shown, String> {
    let text = serde_json::to_string_pretty(value);
    let text = text.map_err(|error| format!("writing JSON: {error}"))?;
    Ok(Shown::json(&text).ended())
}
