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
    let count = 2 * crate::parquet_file::GROUP_ROWS + 1;
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

/// Other readers skip row groups, and pages in them, by these.
#[test]
fn statistics_say_which_homes_are_in_a_row_group() {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    let count = 2 * crate::parquet_file::GROUP_ROWS + 1;
    let home = |at: usize| format!("{:08}", at / 100);
    let rows: Vec<_> = (0..count)
        .map(|at| row(home(at).as_bytes(), format!("{:02}", at % 100).as_bytes()))
        .collect();
    let reader = SerializedFileReader::new(written(&rows, &about())).unwrap();
    let mut from = 0;
    for group in reader.metadata().row_groups() {
        let is_home = |column: &&parquet::file::metadata::ColumnChunkMetaData| {
            column.column_path().string() == "home"
        };
        let column = group.columns().iter().find(is_home).unwrap();
        let statistics = column.statistics().unwrap();
        let last = from + group.num_rows() as usize - 1;
        assert_eq!(statistics.min_bytes_opt(), Some(home(from).as_bytes()));
        assert_eq!(statistics.max_bytes_opt(), Some(home(last).as_bytes()));
        assert!(column.column_index_offset().is_some());
        from = last + 1;
    }
    assert_eq!((from, reader.metadata().num_row_groups()), (count, 3));
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

/// Changes some bytes, or cuts the file.
fn mutate(bytes: &mut Vec<u8>, random: &mut impl FnMut() -> usize) {
    for _ in 0..1 + random() % 3 {
        let length = bytes.len();
        // Most of the claims are in the footer, and in front of the pages of the first group.
        let at = match random() % 4 {
            0 => random() % length,
            1 => random() % length.min(2000),
            _ => length - 1 - random() % length.min(9000),
        };
        match random() % 8 {
            0 => bytes[at] ^= 1 << (random() % 8),
            1 => bytes[at] = bytes[at].wrapping_add(1),
            2 => bytes[at] = 0,
            // The largest numbers of seven bits in a byte.
            3 => bytes[at..length.min(at + 4)].fill(0xff),
            4 => bytes[at..length.min(at + 9)].fill(0xff),
            5 => bytes
                .copy_within(at..length.min(at + 8), random() % length.saturating_sub(8).max(1)),
            6 => bytes[at] = random() as u8,
            _ => bytes[at..length.min(at + 2)].fill(0x80),
        }
    }
    if random().is_multiple_of(40) {
        bytes.truncate(random() % bytes.len());
    }
}

/// Number of mutations of each file. 10,000 of each took no more than this finds.
const MUTATIONS: usize = 400;

#[test]
fn a_damaged_file_is_an_error() {
    use parquet::basic::Compression;
    let rows: Vec<_> = (0..2500u64)
        .map(|n| DirRow {
            uid: n as u32,
            rule: ["", "pip"][n as usize % 2].to_owned(),
            newest: n.is_multiple_of(3).then_some(n as i64),
            own: sums(n * 7919),
            ..row(b"al\xffice", format!("d/{:03}/{n:08}", n / 40).as_bytes())
        })
        .collect();
    let mut seed = 1u64;
    let mut random = || {
        seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (seed >> 33) as usize
    };
    let mut refused = 0;
    // In compressed pages, zstd finds most damage first.
    let plain = DirsWriter::compressed(Vec::new(), &about(), Compression::UNCOMPRESSED);
    for writer in [plain, DirsWriter::new(Vec::new(), &about())] {
        let mut writer = writer.unwrap();
        rows.iter().for_each(|row| writer.push(row).unwrap());
        let sound = writer.finish().unwrap();
        for _ in 0..MUTATIONS {
            let mut bytes = sound.clone();
            mutate(&mut bytes, &mut random);
            let read = || -> std::result::Result<usize, ReadProblem> {
                let mut reader = DirsReader::open(bytes::Bytes::from(bytes))?;
                let mut read = 0;
                while let Some(row) = reader.next_row()? {
                    assert!(row.path.len() < 20_000);
                    read += 1;
                }
                Ok(read)
            };
            match read() {
                Ok(read) => assert!(read <= 8 * sound.len()),
                Err(problem) => {
                    let said = problem.to_string();
                    assert!(!said.contains('\n'), "{said}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > MUTATIONS / 2, "{refused} were refused");
}
