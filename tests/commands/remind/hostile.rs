//! Hostile names and paths.

use std::os::unix::ffi::OsStrExt;

use super::*;

/// Returns the headers of the messages in a preview: the lines before the first empty one.
fn heads(text: &str) -> Vec<Vec<&str>> {
    let parts = text.split("\nFrom: ").skip(1);
    parts.map(|part| part.split("\n\n").next().unwrap().lines().collect()).collect()
}

#[test]
fn a_name_that_is_no_part_of_an_address_is_listed_and_not_mailed() {
    let names = [
        "a b",
        "<script>alert(1)</script>",
        "älice",
        "eve\r\nBcc: victim@example.com",
        "eve,victim",
        "victim@example.com",
        "{name}",
        ".",
        "eve\u{202e}gro",
        "\u{1b}[2Jeve",
        "-rf",
    ];
    let world = World::empty();
    let mut csv = String::new();
    for (at, name) in names.iter().enumerate() {
        file(&world.root(), format!("{}/a", 300_000 + at), 3_000_000);
        csv += &format!("{},\"{name}\"\n", 300_000 + at);
    }
    world.names(&csv);
    world.publish();
    let text = world.preview(0);
    assert!(text.starts_with("Dry run: nothing is sent. Reminders due: 0.\n"), "{text}");
    let listed = text.lines().filter(|line| line.ends_with("makes no address, and no map has one"));
    assert_eq!(listed.count(), names.len(), "{text}");
    assert!(text.contains("(eve\\r\\nBcc: victim@example.com)"), "{text}");
    assert!(!text.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{text}");
    assert_eq!(heads(&text).len(), 1, "the administrator's");
}

#[test]
fn names_of_homes_cannot_add_headers() {
    let world = World::empty();
    let uid = rustix::process::geteuid().as_raw();
    world.names(&format!("{uid},carol\n"));
    for name in [ODD_NAME, b"<script>alert(1)<", b"x\r\nBcc: victim@example.com\r\n\r\nHello"] {
        let home = raw(&world.root(), name);
        file(&home, ".local/share/Trash/files/a", 1_200_000);
        file(&home, std::ffi::OsStr::from_bytes(b"\xff\n\n.Trash-1/files/it's"), 1_200_000);
    }
    world.publish();
    world.configure(&format!("{CONFIG}subject = '{{home}}: {{size}}'\n"));
    let text = world.preview(0);
    let heads = heads(&text);
    assert_eq!(heads.len(), 1, "{text}");
    let names: Vec<&str> =
        heads[0].iter().filter_map(|line| Some(line.split_once(": ")?.0)).collect();
    assert_eq!(names, ["To", "Reply-To", "Subject"], "{text}");
    assert!(heads[0][3].contains("a\\xff\\n,<b>\""), "{text}");
    assert!(!text.chars().any(|c| c != '\n' && c.is_control()), "{text}");
}

/// A truncated command would delete something else.
#[test]
fn a_command_is_complete_or_left_out() {
    let world = World::empty();
    let part = "\u{1}".repeat(150);
    for (home, depth) in [("200005", 1), ("200006", 5)] {
        let deep = format!("{home}/{}", format!("{part}/").repeat(depth));
        file(&world.root(), format!("{deep}__pycache__/a.pyc"), 3_000_000);
        file(&world.root(), format!("{deep}a.py"), 400_000);
    }
    world.publish();
    let text = world.preview(0);
    assert!(text.contains("To: alice@") && text.contains("To: bob@"), "{text}");
    let commands: Vec<&str> = text.lines().filter(|line| line.contains("rm -r")).collect();
    assert!(commands.iter().all(|line| line.ends_with("/__pycache__')\"")), "{text}");
    let without = text.matches("(the path is too long for a message: ask for the command)");
    assert_eq!((commands.len(), without.count()), (1, 1), "{text}");
    assert!(text.lines().all(|line| line.len() <= 998), "{text}");
}
