//! Partial runs, and damaged tables.

use super::*;

#[test]
fn a_partial_run_is_said_and_a_damaged_table_refused() {
    let world = world();
    let id = newest(&world);
    publish(&world, &id, "partial", &table(AFTER));
    let shown = text(&of_world(&world, &[]), 3);
    assert!(shown.contains("the later run is partial: what it did not read seems gone"), "{shown}");
    std::fs::write(place(&world, &id), "no table").unwrap();
    let output = of_world(&world, &[]);
    assert_eq!(output.status.code(), Some(8));
    assert!(stderr(&output).contains("it is no Parquet file"), "{}", stderr(&output));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
}

/// The changes are those of the tables of directories; prices and names are elsewhere.
#[test]
fn prices_and_names_that_cannot_be_read_are_missed() {
    let world = world();
    let of = |args: &[&str], code: i32, said: &str| {
        let output = of_world(&world, args);
        let errors = stderr(&output);
        assert!(errors.contains(said), "{errors}");
        text(&output, code)
    };
    let homes = world.to().join(world.latest()["homes_table"].as_str().unwrap());
    let pointer = world.to().join("latest/prod.json");
    for (object, said) in [(&pointer, "no prices: "), (&homes, "no names of owners: ")] {
        let whole = std::fs::read(object).unwrap();
        std::fs::write(object, &whole[..whole.len() / 2]).unwrap();
        assert!(of(&[], 3, said).contains("+90 MiB"));
        of(&["--format", "json"], 3, said);
        // The person may be there under a name that was not read.
        of(&["--user", "nobody"], 1, "no home for nobody in these runs, as far as");
        std::fs::write(object, whole).unwrap();
    }
    assert!(of(&[], 0, "").contains("+90 MiB"));
    of(&["--user", "nobody"], 2, "no home for nobody in these runs\n");
}

/// What a run did not read may be there: nothing in that home is surely gone, or smaller.
#[test]
fn what_a_partial_run_did_not_read_is_in_doubt() {
    let world = world();
    let id = newest(&world);
    let partly = |rows: &mut Vec<Row>| {
        row(rows, "200005").insert("coverage".to_owned(), "partial".to_owned());
    };
    assert_eq!(world.earlier(0, partly), id);
    let after: &[(&[u8], Dirs)] = &[
        (b"200005", &[(b"", 1), (b"work", 5), (b"work/run1", 60), (b"work/run2", 30)]),
        (b"200006", &[(b"", 1), (b"y", 7)]),
    ];
    publish(&world, &id, "partial", &table(after));
    let told = || {
        let json = text(&of_world(&world, &["--format", "json"]), 3);
        let json: Value = serde_json::from_str(&json).unwrap();
        let lines = json["homes"].as_array().unwrap().iter().flat_map(|home| {
            home["lines"].as_array().unwrap().iter().map(|line| {
                let text = |key: &str| line[key].as_str().unwrap().to_owned();
                (text("path"), text("what"), line["sure"].as_bool().unwrap())
            })
        });
        let mut lines: Vec<_> = lines.collect();
        lines.sort();
        lines
    };
    let line = |path: &str, what: &str, sure| (path.to_owned(), what.to_owned(), sure);
    let want = [
        line("data", "gone", false),
        line("work/run1", "shrank", false),
        line("work/run2", "new", true),
        line("x", "gone", true),
        line("y", "new", true),
    ];
    assert_eq!(told(), want);
    let shown = text(&of_world(&world, &[]), 3);
    assert!(shown.contains(" gone?  ") && shown.contains(" shrank?  "), "{shown}");
    // If the earlier run is the partial one, what it did not read seems new.
    let day = world.earlier(hours(24), partly);
    publish(&world, &day, "partial", &table(after));
    assert_eq!(world.earlier(0, |_| {}), id);
    publish(&world, &id, "complete", &table(BEFORE));
    let want = [
        line("data", "new", false),
        line("work/run1", "grew", false),
        line("work/run2", "gone", true),
        line("x", "new", true),
        line("y", "gone", true),
    ];
    assert_eq!(told(), want);
}
