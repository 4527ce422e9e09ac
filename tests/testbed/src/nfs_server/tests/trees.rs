//! The served attributes and entries match the trees.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::raw::ops;
use super::super::{Config, Handle, Kind, Model, Node, OnChange, Op, Owner, Status, attr};
use super::{ATTRS, Seen, call, client, computed, entries, list_root, serve, status_of};
use crate::nfs_server::raw::{Raw, Session};

/// Lists a whole directory in parts of `maxcount`.
fn list(raw: &mut Raw, session: &mut Session, handle: Handle, maxcount: u32) -> Vec<Seen> {
    let (mut cookie, mut verifier) = (0, [0; 8]);
    let mut all = Vec::new();
    loop {
        let readdir = ops::readdir(cookie, verifier, (maxcount, maxcount), &ATTRS);
        let mut answers = call(raw, session, 0, &[ops::putfh(handle), readdir]);
        assert_eq!(status_of(&mut answers, Op::READDIR), Status::OK);
        let (next, part, eof, size) = entries(&mut answers);
        assert!(size <= maxcount as usize, "{size} of {maxcount} bytes");
        cookie = part.last().map_or(cookie, |entry| entry.cookie);
        verifier = next;
        all.extend(part);
        if eof {
            return all;
        }
    }
}

/// Bytes, directories and files below `root`.
fn walk(raw: &mut Raw, session: &mut Session, root: Handle, maxcount: u32) -> (u64, u64, u64) {
    let (mut used, mut dirs, mut files) = (0, 1, 0);
    let mut todo = vec![root];
    while let Some(dir) = todo.pop() {
        for entry in list(raw, session, dir, maxcount) {
            used += entry.space_used;
            match entry.kind == Kind::Dir as u32 {
                true => {
                    dirs += 1;
                    todo.push(Handle::from_bytes(&entry.handle).expect("a handle"));
                }
                false => files += 1,
            }
        }
    }
    (used, dirs, files)
}

#[test]
fn the_computed_tree_matches_its_formula() {
    use crate::nfs_server::{Computed, Tree as _};
    let tree = Arc::new(Computed::new(crate::computed::Tree::even(300, 7, 5, 4)));
    let server = serve(Config::default(), Arc::clone(&tree) as _);
    let (mut raw, mut session) = client(&server);
    for maxcount in [400, 4096] {
        let (used, dirs, files) = walk(&mut raw, &mut session, tree.root(), maxcount);
        assert_eq!((dirs, files), (300, 299 * 7));
        // The root's own bytes are in no listing.
        assert_eq!(used + 4096, tree.space_used());
    }
    // The attributes match those of FUSE.
    let home = tree.lookup(tree.root(), b"200006", super::super::Who { uid: 0 }).expect("a home");
    let expected = tree.tree().attr(home.id).expect("an inode");
    let compare = &mut |attrs: &super::super::Attrs<'_>| {
        assert_eq!(attrs.owner, Owner::Uid(expected.uid));
        assert_eq!((attrs.size, attrs.numlinks), (expected.size, expected.nlink));
        assert_eq!(attrs.space_used, expected.blocks * 512);
        let mtime = expected.mtime.duration_since(std::time::UNIX_EPOCH).expect("after 1970");
        assert_eq!(attrs.mtime.0.cast_unsigned(), mtime.as_secs());
        assert_eq!(attrs.mode, u32::from(expected.perm));
    };
    tree.attrs(home, compare).expect("attributes");
    assert_eq!(tree.name(home), Some(b"200006".to_vec()));
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn a_model_is_served_as_built() {
    let model = Arc::new(Model::new());
    let name = b"odd \xff\n,<b>".as_slice();
    model.add([b"home/", name].concat(), Node::file(5).used(12_288).owner(7));
    model.link([b"home/", name].concat(), "home/again");
    model.add("home/broken", Node::file(1).no_attrs(Status::IO));
    let nested = model.add("home/nested", Node::dir().root_of((9, 8)));
    model.add("home/nested/below", Node::data("0123456789"));
    let server = serve(Config::default(), Arc::clone(&model) as _);
    let (mut raw, mut session) = client(&server);
    let home = model.walk().iter().find(|found| found.path == b"home").expect("home").fileid;
    let listed = list(&mut raw, &mut session, Handle::new(home), 4096);
    let by_name: BTreeMap<_, _> = listed.iter().map(|one| (one.name.as_slice(), one)).collect();
    assert_eq!(by_name.len(), 4);
    let odd = by_name[name];
    assert_eq!((odd.size, odd.space_used, odd.kind), (5, 12_288, Kind::File as u32));
    assert_eq!(odd.fileid, by_name[&b"again"[..]].fileid);
    assert_eq!(by_name[&b"broken"[..]].error, Status::IO);

    // GETATTR returns fsid, numlinks, owner, mounted_on_fileid, in this order.
    let asked = [attr::FSID, attr::FILEID, attr::NUMLINKS, attr::OWNER, attr::MOUNTED_ON_FILEID];
    let mut get = |handle| {
        let mut answers =
            call(&mut raw, &mut session, 1, &[ops::putfh(handle), ops::getattr(&asked)]);
        assert_eq!(status_of(&mut answers, Op::GETATTR), Status::OK);
        let read = answers.read(|reader| {
            assert_eq!(reader.bitmap()?, ops::bits(&asked));
            reader.u32()?;
            Ok((
                (reader.u64()?, reader.u64()?),
                reader.u64()?,
                reader.u32()?,
                reader.opaque(99)?.to_vec(),
                reader.u64()?,
            ))
        });
        read.expect("attributes")
    };
    let odd_handle = Handle::from_bytes(&odd.handle).expect("a handle");
    assert_eq!(get(odd_handle), ((1, 0), odd.fileid, 2, b"7".to_vec(), odd.fileid));
    let (fsid, fileid, links, _, mounted_on) = get(Handle::new(nested));
    assert_eq!((fsid, fileid, links), ((9, 8), nested, 2));
    assert_ne!(mounted_on, nested);

    let mut answers = call(
        &mut raw,
        &mut session,
        0,
        &[ops::putfh(Handle::new(nested)), ops::lookup(b"below"), ops::read(3, 4)],
    );
    assert_eq!(status_of(&mut answers, Op::READ), Status::OK);
    let read = answers.read(|reader| Ok((reader.bool()?, reader.opaque(99)?.to_vec())));
    assert_eq!(read.expect("data"), (false, b"3456".to_vec()));
    assert_eq!(server.violations(), [""; 0]);
}

#[test]
fn removed_inodes_are_stale_and_closed_ones_deny_access() {
    let model = Arc::new(Model::new());
    let dir = model.add("closed", Node::dir().mode(0));
    let gone = model.add("gone/below", Node::dir());
    let own = model.add("own", Node::dir().mode(0o700).owner(7));
    let server = serve(Config::default(), Arc::clone(&model) as _);
    let (mut raw, mut session) = client(&server);
    let mut list = |uid, id| {
        raw.uid = uid;
        let readdir = ops::readdir(0, [0; 8], (0, 4096), &ATTRS);
        call(&mut raw, &mut session, 0, &[ops::putfh(Handle::new(id)), readdir]).status
    };
    assert_eq!(list(0, dir), Status::ACCESS);
    assert_eq!(list(0, gone), Status::OK);
    model.remove("gone");
    assert_eq!(list(0, gone), Status::STALE);
    model.gone_as(Status::NOENT);
    assert_eq!(list(0, gone), Status::NOENT);
    assert_eq!(
        (list(0, own), list(7, own), list(8, own)),
        (Status::OK, Status::OK, Status::ACCESS)
    );
    assert_eq!(server.uids().into_iter().collect::<Vec<_>>(), [0, 7, 8]);
}

#[test]
fn a_changing_directory_reports_it_if_configured() {
    let model = Arc::new(Model::new());
    for file in 0..20 {
        model.add(format!("f{file}"), Node::file(1));
    }
    let server = serve(Config::default(), Arc::clone(&model) as _);
    let (mut raw, mut session) = client(&server);
    let mut answers = call(&mut raw, &mut session, 0, &list_root(1000));
    assert_eq!(status_of(&mut answers, Op::READDIR), Status::OK);
    let (verifier, part, eof, _) = entries(&mut answers);
    assert!(!eof && !part.is_empty());
    let cookie = part.last().expect("entries").cookie;
    model.remove("f0");
    for (what, expected) in [
        (OnChange::NotSame, Status::NOT_SAME),
        (OnChange::BadCookie, Status::BAD_COOKIE),
        (OnChange::GoOn, Status::OK),
    ] {
        model.on_change(what);
        let readdir = ops::readdir(cookie, verifier, (0, 100_000), &ATTRS);
        let mut answers = call(&mut raw, &mut session, 0, &[ops::putrootfh(), readdir]);
        assert_eq!(status_of(&mut answers, Op::READDIR), expected);
        if expected == Status::OK {
            assert_eq!(entries(&mut answers).1.len(), 20 - part.len());
        }
    }
}

#[test]
fn only_supported_and_requested_attributes_are_sent() {
    let without = vec![attr::SPACE_USED];
    let server = computed(Config { without, ..Config::default() });
    let (mut raw, mut session) = client(&server);
    let asked = [attr::SUPPORTED_ATTRS, attr::SPACE_USED, attr::LEASE_TIME, 70];
    let mut answers = call(&mut raw, &mut session, 0, &[ops::putrootfh(), ops::getattr(&asked)]);
    assert_eq!(status_of(&mut answers, Op::GETATTR), Status::OK);
    let (given, supported, lease) = answers
        .read(|reader| {
            let given = reader.bitmap()?;
            reader.u32()?;
            Ok((given, reader.bitmap()?, reader.u32()?))
        })
        .expect("attributes");
    assert_eq!(given, ops::bits(&[attr::SUPPORTED_ATTRS, attr::LEASE_TIME]));
    assert_eq!((supported >> attr::SPACE_USED & 1, supported >> attr::TYPE & 1), (0, 1));
    assert_eq!((lease, answers.left()), (90, 0));
}
