//! The homes that `--user` selects.

/// True if `user` selects this home: it is its owner's name, its uid, or its own name.
pub(crate) fn is_of(user: &str, home: &str, uid: Option<u32>, owner: Option<&str>) -> bool {
    owner == Some(user) || uid.is_some_and(|uid| uid.to_string() == user) || home == user
}

/// Keeps only the homes of `users`; returns the users without one.
pub(crate) fn keep_asked<'a, T>(
    homes: &mut Vec<T>,
    users: &'a [String],
    is: impl Fn(&T, &str) -> bool,
) -> Vec<&'a str> {
    let missing = users.iter().filter(|user| !homes.iter().any(|home| is(home, user)));
    let missing = missing.map(String::as_str).collect();
    homes.retain(|home| users.iter().any(|user| is(home, user)));
    missing
}
