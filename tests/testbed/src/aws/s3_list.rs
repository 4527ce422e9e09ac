//! ListObjectsV2.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::errors::Failure;
use super::http::Answer;
use super::route::Call;
use super::s3::Object;
use super::state::State;
use super::wire;

/// S3's own limit.
const MOST: usize = 1000;

/// A page of a list.
#[derive(Default)]
struct Page<'a> {
    objects: Vec<(&'a str, &'a Object)>,
    prefixes: Vec<&'a str>,
    /// Start of the next page.
    next: Option<String>,
}

pub fn list(state: &State, call: &Call) -> Result<Answer, Failure> {
    let query = |name: &str| call.http.query(name).unwrap_or_default();
    let invalid = |message: &str| Failure::new(400, "InvalidArgument", message);
    let asked = match query("max-keys") {
        "" => MOST,
        text => text.parse().map_err(|_| invalid("Provided max-keys not an integer"))?,
    };
    let token = call.http.query("continuation-token");
    let after = match token {
        Some(token) => {
            let marker =
                wire::unhex(token).and_then(|text| Some(text.strip_prefix(TOKEN)?.to_owned()));
            marker.ok_or_else(|| invalid("The continuation token provided is incorrect"))?
        }
        None => query("start-after").to_owned(),
    };
    let most = asked.min(MOST).min(state.page_size);
    let keys = &state.s3.buckets[&call.parent];
    let page = page(keys, query("prefix"), query("delimiter"), &after, most);

    let url = query("encoding-type") == "url";
    let spell = |text: &str| if url { wire::encode(text) } else { wire::xml(text) };
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    xml += "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
    xml += &format!("<Name>{}</Name>", wire::xml(&call.parent));
    xml += &format!("<Prefix>{}</Prefix>", spell(query("prefix")));
    for (name, element) in [("start-after", "StartAfter"), ("delimiter", "Delimiter")] {
        if let Some(value) = call.http.query(name) {
            xml += &format!("<{element}>{}</{element}>", spell(value));
        }
    }
    if let Some(token) = token {
        xml += &format!("<ContinuationToken>{}</ContinuationToken>", wire::xml(token));
    }
    if let Some(next) = &page.next {
        let token = wire::hex(&format!("{TOKEN}{next}"));
        xml += &format!("<NextContinuationToken>{token}</NextContinuationToken>");
    }
    let count = page.objects.len() + page.prefixes.len();
    xml += &format!("<KeyCount>{count}</KeyCount><MaxKeys>{}</MaxKeys>", asked.min(MOST));
    if url {
        xml += "<EncodingType>url</EncodingType>";
    }
    xml += &format!("<IsTruncated>{}</IsTruncated>", page.next.is_some());
    for (key, object) in page.objects {
        xml += &format!(
            "<Contents><Key>{}</Key><LastModified>{}</LastModified><ETag>{}</ETag><Size>{}</Size>\
             <StorageClass>STANDARD</StorageClass></Contents>",
            spell(key),
            object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            wire::xml(&object.etag),
            object.body.len(),
        );
    }
    for prefix in page.prefixes {
        xml += &format!("<CommonPrefixes><Prefix>{}</Prefix></CommonPrefixes>", spell(prefix));
    }
    xml += "</ListBucketResult>";
    Ok(Answer::new(200, "application/xml", xml))
}

/// Prefix of tokens, so a key is never mistaken for a token.
const TOKEN: &str = "after:";

fn page<'a>(
    keys: &'a BTreeMap<String, Object>,
    prefix: &str,
    delimiter: &str,
    after: &str,
    most: usize,
) -> Page<'a> {
    let mut page = Page::default();
    if most == 0 {
        return page;
    }
    let mut last = after;
    // If the previous page ended with a common prefix, skip everything below it.
    let group = |key: &'a str| {
        let rest = key.strip_prefix(prefix)?;
        let length = rest.find(delimiter).filter(|_| !delimiter.is_empty())? + delimiter.len();
        Some(&key[..prefix.len() + length])
    };
    for (key, object) in keys.range::<str, _>((Bound::Excluded(after), Bound::Unbounded)) {
        let group = group(key);
        if !key.starts_with(prefix) || group.is_some_and(|group| group == last) {
            continue;
        }
        if page.objects.len() + page.prefixes.len() == most {
            page.next = Some(last.to_owned());
            break;
        }
        match group {
            Some(group) => page.prefixes.push(group),
            None => page.objects.push((key, object)),
        }
        last = group.unwrap_or(key);
    }
    page
}
