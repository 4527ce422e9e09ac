use std::cmp::Ordering;
use std::fs::File;
use std::io::{Seek, Write};

use proptest::prelude::*;

use super::*;
use crate::units::{AllocatedBytes, ApparentBytes, MeteredBytes};
use crate::usage::{Class, HomeKind};

fn about() -> About {
    About {
        run: Some("20261124T080232.123456Z".to_owned()),
        file_system: "fs-0123".to_owned(),
        root: b"/mnt/\xff".to_vec(),
        dirs_min: MeteredBytes(1 << 20),
        coverage: "partial".to_owned(),
    }
}

fn written(rows: &[DirRow], about: &About) -> File {
    let mut file = tempfile::tempfile().unwrap();
    let mut writer = DirsWriter::new(&mut file, about).unwrap();
    rows.iter().for_each(|row| writer.push(row).unwrap());
    writer.finish().unwrap();
    file.rewind().unwrap();
    file
}

fn read(file: File) -> (About, Vec<DirRow>) {
    let mut reader = DirsReader::open(file).unwrap();
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().unwrap() {
        rows.push(row.clone());
    }
    assert_eq!(reader.rows(), rows.len() as u64);
    (reader.about().clone(), rows)
}

fn row(home: &[u8], path: &[u8]) -> DirRow {
    let (home, path) = (home.to_vec(), path.to_vec());
    DirRow { kind: HomeKind::Named, home, path, ..DirRow::default() }
}

fn sums(seed: u64) -> Sums {
    Sums {
        files: seed % 7,
        dirs: seed % 5,
        apparent: ApparentBytes(seed),
        allocated: AllocatedBytes(seed / 3),
        metered: MeteredBytes(seed / 2),
    }
}

fn any_row() -> impl Strategy<Value = DirRow> {
    let name =
        || prop_oneof![Just(b"a".to_vec()), Just(b"a\xff\n,<b>\"".to_vec()), any::<Vec<u8>>()];
    let seed = || 0..i64::MAX as u64;
    let of = (any::<u32>(), 0..Class::ALL.len(), any::<[bool; 2]>(), "[a-z]{0,3}");
    let sizes = (seed(), seed(), seed(), proptest::array::uniform6(seed()));
    (name(), name(), of, sizes, proptest::option::of(-62_135_596_800..253_402_300_799i64)).prop_map(
        |(home, path, (uid, class, [is_file, is_finding], rule), sizes, newest)| {
            let (own, rest, subtree, [a, b, c, d, e, future]) = sizes;
            DirRow {
                is_file,
                uid,
                class: Class::ALL[class],
                rule,
                is_finding,
                own: sums(own),
                rest: sums(rest),
                subtree: sums(subtree),
                linked: Linked { inodes: own, metered: MeteredBytes(rest) },
                newest,
                ages: [a, b, c, d, e].map(MeteredBytes),
                future: MeteredBytes(future),
                ..row(&home, &path)
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_read_is_what_was_written(rows in proptest::collection::vec(any_row(), 0..3000)) {
        // A name has neither.
        let rows: Vec<_> = rows.into_iter().filter(|row| row.home != b".").collect();
        let (read_about, read_rows) = read(written(&rows, &about()));
        prop_assert_eq!(read_about, about());
        prop_assert!(read_rows == rows);
    }
}

#[test]
fn every_row_group_is_read() {
    let count = 2 * write::GROUP_ROWS + 1;
    let rows: Vec<_> = (0..count)
        .map(|n| DirRow {
            uid: n as u32,
            newest: n.is_multiple_of(3).then_some(n as i64),
            ..row(b"alice", format!("d/{n:08}").as_bytes())
        })
        .collect();
    let (_, read) = read(written(&rows, &About::default()));
    assert!(read == rows);
}

#[test]
fn the_root_and_what_is_outside_have_no_home() {
    let rows = [
        row(b"", b""),
        row(b"(outside homes)", b"x"),
        DirRow { kind: HomeKind::Outside, ..row(b"", b"") },
    ];
    assert_eq!(read(written(&rows, &About::default())), (About::default(), rows.to_vec()));
}

#[test]
fn sizes_beyond_63_bits_are_the_largest() {
    let most = u64::MAX;
    let huge = DirRow { subtree: sums(most), newest: Some(i64::MAX), ..row(b"a", b"b") };
    let (_, read) = read(written(&[huge], &About::default()));
    assert_eq!(read[0].subtree.apparent, ApparentBytes(i64::MAX as u64));
    assert_eq!(read[0].newest, Some(253_402_300_799));
}

#[test]
fn a_file_depends_on_nothing_but_its_rows() {
    use std::os::unix::fs::FileExt;
    let rows: Vec<_> = (0..2000).map(|n| row(b"a", format!("{n:04}").as_bytes())).collect();
    let [one, other] = [(); 2].map(|()| {
        let file = written(&rows, &about());
        let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut bytes, 0).unwrap();
        bytes
    });
    assert!(one == other);
}

#[test]
fn places_are_in_depth_first_order() {
    let outside = |path: &[u8]| DirRow { kind: HomeKind::Outside, ..row(b"", path) };
    let rows = [
        row(b"", b""),
        row(b"a", b""),
        row(b"a", b"x"),
        row(b"a", b"x/y"),
        row(b"a", b"x/y/z"),
        row(b"a", b"x y"),
        row(b"a", b"x-y"),
        row(b"a", b"\xff"),
        row(b"a/b", b""),
        row(b"a-b", b""),
        outside(b""),
        outside(b"a"),
    ];
    for (n, one) in rows.iter().enumerate() {
        for (m, other) in rows.iter().enumerate() {
            assert_eq!(one.cmp_place(other), n.cmp(&m), "{one:?} {other:?}");
        }
    }
    assert!(rows[1].contains(&rows[3]) && rows[2].contains(&rows[4]));
    assert!(!rows[2].contains(&rows[2]) && !rows[2].contains(&rows[5]));
    assert!(!rows[0].contains(&rows[1]) && !rows[1].contains(&rows[8]));
    let depths: Vec<_> = rows.iter().map(DirRow::depth).collect();
    assert_eq!(depths, [0, 0, 1, 2, 3, 1, 1, 1, 0, 0, 0, 1]);
    assert_eq!(rows[2].cmp_place(&rows[2]), Ordering::Equal);
}

#[test]
fn other_files_are_refused() {
    let mut text = tempfile::tempfile().unwrap();
    text.write_all(b"home,path\nno Parquet file, and not very short\n").unwrap();
    assert!(matches!(DirsReader::open(text), Err(ReadProblem::Damaged(_))));
    let cut = written(&[row(b"a", b"")], &About::default());
    cut.set_len(cut.metadata().unwrap().len() - 1).unwrap();
    assert!(matches!(DirsReader::open(cut), Err(ReadProblem::Damaged(_))));
}
