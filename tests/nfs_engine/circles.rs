//! Servers whose replies never end.

use std::sync::Arc;

use efs_scan_testbed::nfs_server::{
    Attrs, Config, Entry, Handle, Listed, Model, Node, Room, Server, Status, Tree, Who,
};

use super::walk::{assert_polite, engine, plain, sums_but, walk};

/// A model with three special directories: `circle`, whose second cookie leads back to the first;
/// `stuck`, whose cookie leads to itself; and `self`, which contains itself.
struct Circles(Arc<Model>);

impl Tree for Circles {
    fn root(&self) -> Handle {
        self.0.root()
    }

    fn attrs(&self, handle: Handle, with: &mut dyn FnMut(&Attrs<'_>)) -> Result<(), Status> {
        self.0.attrs(handle, with)
    }

    fn lookup(&self, dir: Handle, name: &[u8], who: Who) -> Result<Handle, Status> {
        self.0.lookup(dir, name, who)
    }

    fn readdir(
        &self,
        dir: Handle,
        cookie: u64,
        verifier: [u8; 8],
        who: Who,
        each: &mut dyn FnMut(&Entry<'_>) -> Room,
    ) -> Result<Listed, Status> {
        match self.name(dir).as_deref() {
            Some(name @ (b"circle" | b"stuck")) => {
                let cookie = if cookie == 100 && name == b"circle" { 200 } else { 100 };
                let file = self.0.lookup(dir, b"file", who)?;
                self.0.attrs(file, &mut |attrs| {
                    each(&Entry { name: b"file", cookie, attrs: Ok(*attrs) });
                })?;
                Ok(Listed { verifier: [1; 8], eof: false })
            }
            Some(b"self") => {
                self.0.attrs(dir, &mut |attrs| {
                    each(&Entry { name: b"self", cookie: 100, attrs: Ok(*attrs) });
                })?;
                Ok(Listed { verifier: [1; 8], eof: true })
            }
            _ => self.0.readdir(dir, cookie, verifier, who, each),
        }
    }

    fn read(
        &self,
        file: Handle,
        offset: u64,
        count: u32,
        who: Who,
    ) -> Result<(Vec<u8>, bool), Status> {
        self.0.read(file, offset, count, who)
    }

    fn name(&self, handle: Handle) -> Option<Vec<u8>> {
        self.0.name(handle)
    }
}

#[test]
fn looping_cookies_end_the_listing() {
    for name in ["circle", "stuck"] {
        let model = plain();
        model.add(format!("200003/{name}/file"), Node::file(1000));
        let tree = Arc::new(Circles(Arc::clone(&model)));
        let server = Server::start(Config::default(), tree).unwrap();
        let outcome = walk(&engine(&server)).unwrap();
        assert_eq!(outcome.count, 1, "{outcome:?}");
        let (path, op, problem) = &outcome.errors[0];
        assert_eq!((&**path, *op), (&*format!("200003/{name}"), "list"));
        assert!(problem.contains("cookies form a loop"), "{problem}");
        // Once for each reply before the loop was detected.
        let all = sums_but(&model, &[]);
        assert!(outcome.sums[0] <= all[0] + 3, "{outcome:?}");
        assert_eq!(outcome.sums[1], all[1]);
        assert_polite(&server);
    }
}

#[test]
fn a_directory_inside_itself_ends_the_descent() {
    let model = plain();
    model.add("200003/self/file", Node::file(1000));
    let server = Server::start(Config::default(), Arc::new(Circles(Arc::clone(&model)))).unwrap();
    let outcome = walk(&engine(&server)).unwrap();
    assert_eq!(outcome.count, 1, "{outcome:?}");
    let (path, op, _) = &outcome.errors[0];
    assert!(path.starts_with("200003/self/self/self/"), "{path}");
    assert_eq!(*op, "open");
    assert_polite(&server);
}
