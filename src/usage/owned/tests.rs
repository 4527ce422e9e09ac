//! Tests of owned paths.

use super::*;

fn owned(paths: &[&str]) -> Owned {
    let mut markers: Vec<String> = Vec::new();
    Owned::new(paths.iter().copied(), &mut |name| {
        if !markers.iter().any(|marker| marker == name) {
            markers.push(name.to_owned());
        }
        Ok(1 << markers.iter().take_while(|marker| *marker != name).count())
    })
    .expect("the paths are well formed")
}

/// A set of all conditions.
const ALL: ConditionSet = ConditionSet::MAX;

#[test]
fn a_path_owns_its_directories_its_file_and_what_it_says_below() {
    let owned = owned(&[
        "README",
        "http/[0-9a-f]/**",
        "src/*-<digest>/**",
        "tmp",
        "v/cache/lastfailed",
        "debug/<linked>",
        "release/lib<word>.so<linked>",
    ]);
    let top = owned.top().expect("the rule asks at the top");
    let below = |path: &str| {
        let enter = |place: States, name: &str| owned.below(&place, name.as_bytes(), ALWAYS);
        path.split('/').try_fold(States::from(top), enter)
    };
    let has_file = |place: &[u16], name: &str, links| {
        owned.of_file(place, name.as_bytes(), links).conditions == ALWAYS
    };
    let has_dir =
        |place: &[u16], name: &str| owned.of_dir(place, name.as_bytes()).conditions == ALWAYS;
    for name in ["README", "tmp"] {
        assert!(has_file(top, name, 1), "{name}");
    }
    for name in ["http", "src", "v", "thesis.tex"] {
        assert!(!has_file(top, name, 1), "{name}");
    }
    for name in ["http", "src", "v", "tmp"] {
        assert!(has_dir(top, name), "{name}");
    }
    assert!(!has_dir(top, "thesis"));
    // Everything below is the tool's.
    let sha = "0123456789abcdef";
    let source = format!("src/index.crates.io-{sha}");
    for path in ["http/a", &source] {
        assert_eq!(below(path), None, "{path}");
    }
    // Nothing is below the name of a file.
    for (path, file) in [("http", "x"), ("src/notes", "x"), ("tmp", "x"), ("http/g", "x")] {
        let place = below(path).expect(path);
        assert!(!has_file(&place, file, 1), "{path}/{file}");
    }
    let cache = below("v/cache").expect("the rule asks there");
    assert!(has_file(&cache, "lastfailed", 1) && !has_file(&cache, "mine", 1));
    let debug = below("debug").expect("the rule asks there");
    assert!(has_file(&debug, "program", 2) && !has_file(&debug, "results", 1));
    assert!(!has_dir(&debug, "results"));
    let release = below("release").expect("the rule asks there");
    assert!(has_file(&release, "libp.so", 2) && !has_file(&release, "libp.so", 1));
    assert!(!has_file(&release, "libp.so.csv", 2) && !has_dir(&release, "libp.so"));
    let nothing = self::owned(&[]);
    assert_eq!(nothing.top(), None);
}

#[test]
fn a_condition_is_about_the_directory_that_names_it() {
    let owned = owned(&["*:.made/build/**", "debug:!.made/<word>", "archive:*.info/**"]);
    let top = owned.top().expect("the rule asks at the top");
    let (made, not_made, info) = (2, 4, 8);
    let place = |name: &str| owned.below(top, name.as_bytes(), ALWAYS).expect(name);
    let profile = place("profile");
    assert_eq!(owned.of_dir(&profile, b"build").conditions, made);
    assert_eq!(owned.of_dir(&profile, b"data").conditions, 0);
    // Below a directory whose condition does not hold, the tool owns nothing.
    assert_eq!(owned.below(&profile, b"build", ALWAYS | made), None);
    let other = owned.below(&profile, b"build", ALWAYS).expect("the tool may not own it");
    assert_eq!(owned.of_file(&other, b"x", 1), Ownership::default());
    assert_eq!(owned.of_file(&place("debug"), b"x", 1).conditions, not_made);
    // The tool owns everything in it, if the condition holds there.
    let archive = place("archive");
    assert_eq!(owned.of_file(&archive, b"x", 1).conditions, info);
    assert_eq!(owned.of_dir(&archive, b"x").conditions, info);
    assert_eq!(owned.below(&archive, b"x", ALWAYS | info), None);
    assert!(owned.below(&archive, b"x", ALWAYS).is_some());
    let mut names = OwnedNames::default();
    names.add(b"x", owned.of_file(&archive, b"x", 1));
    assert!(!names.are_foreign(ALWAYS | info, None) && names.are_foreign(ALWAYS | made, None));
}

#[test]
fn a_file_may_need_another_one_beside_it() {
    let owned = owned(&["<word>+.d", "<word>.d", "<linked>", "x:.made/<word>+.d"]);
    let top = owned.top().expect("the rule asks at the top");
    let are_foreign = |links, beside: Option<&str>| {
        let mut names = OwnedNames::default();
        names.add(b"server", owned.of_file(top, b"server", links));
        names.are_foreign(ALL, beside.map(str::as_bytes))
    };
    assert!(!are_foreign(1, Some("server/server.d/")));
    assert!(are_foreign(1, Some("server/server.dd/xserver.d/")) && are_foreign(1, None));
    assert!(!are_foreign(2, None));
    assert_eq!(owned.of_dir(top, b"server"), Ownership::default());
    // A directory or a link of that name is none.
    assert!(owned.may_be_companion(b"server.d") && !owned.may_be_companion(b"server"));
    let mut names = OwnedNames::default();
    names.add(b"server", owned.of_file(top, b"server", 1));
    assert!(!names.are_foreign(ALL, Some(b"server/server.d/")));
    names.add_no_companion(b"server.d");
    assert!(names.are_foreign(ALL, Some(b"server/server.d/")));
    for wrong in ["a+b/c", "a:b", "a:/x", "a:!*.x/y", "a:[b]/c"] {
        let compiled = Owned::new([wrong].into_iter(), &mut |_| Ok(1));
        assert!(compiled.is_err(), "{wrong}");
    }
}

#[test]
fn directories_of_any_name_and_number_may_lie_between() {
    let owned = owned(&["3.<number>/**/*.meta.json", "3.<number>/**/src/x", "3.<number>/cache.db"]);
    let top = owned.top().expect("the rule asks at the top");
    let enter =
        |place: States, name: &str| owned.below(&place, name.as_bytes(), ALWAYS).expect(name);
    let place = |path: &str| path.split('/').fold(States::from(top), enter);
    let has = |path: &str, name: &str| {
        owned.of_file(&place(path), name.as_bytes(), 1).conditions == ALWAYS
    };
    for path in ["3.12", "3.12/re", "3.12/src", "3.12/a/b/c/d"] {
        assert!(has(path, "a.meta.json") && !has(path, "thesis.tex"), "{path}");
        assert_eq!(owned.of_dir(&place(path), b"any").conditions, ALWAYS, "{path}");
        assert_eq!(has(path, "cache.db"), path == "3.12", "{path}");
    }
    assert!(has("3.12/src", "x") && has("3.12/a/src", "x") && has("3.12/src/src", "x"));
    assert!(!has("3.12", "x") && !has("3.12/a", "x") && !has("3.12/src/a", "x"));
    assert_eq!(owned.of_dir(top, b"any").conditions, 0);
    let conditional = Owned::new(["a:.b/**/c"].into_iter(), &mut |_| Ok(1));
    assert!(conditional.is_err());
}

#[test]
fn a_condition_may_be_about_the_directory_of_the_finding() {
    let owned = owned(&["a", ".:!.made/b", ".:!.made/c/d"]);
    let top = owned.top().expect("the rule asks at the top");
    let made = 2;
    let of_file = |name: &[u8]| owned.of_file(top, name, 1).conditions;
    assert_eq!([of_file(b"a"), of_file(b"b"), of_file(b".")], [ALWAYS, made, 0]);
    assert_eq!(owned.of_dir(top, b"c").conditions, made);
    let c = |holding| owned.below(top, b"c", holding).expect("the tool owns one file there");
    assert_eq!(owned.of_file(&c(ALWAYS | made), b"d", 1).conditions, ALWAYS);
    assert_eq!(owned.of_file(&c(ALWAYS), b"d", 1).conditions, 0);
}
