//! nfs-ganesha: an NFSv4.1 server in user space, on a port of its own.

use std::fmt::Write as _;
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use efs_scan_testbed::*;

/// Proof that ganesha can be started here.
#[derive(Clone, Copy)]
pub(crate) struct Ready(());

/// An exported directory, and its path at the server.
pub(crate) struct Export<'a> {
    pub(crate) path: &'a Path,
    pub(crate) name: &'a str,
}

/// A server that runs until this is dropped.
pub(crate) struct Ganesha {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Ganesha {
    /// Returns `None`, and reports `what` as skipped, if ganesha is not installed or may not be
    /// started.
    pub(crate) fn can_run(what: &str) -> Option<Ready> {
        let root = is_root();
        let installed = || {
            let found = Command::new("ganesha.nfsd").arg("-v").stdin(Stdio::null()).output();
            let python = Command::new("python3").arg("--version").output();
            found.is_ok() && python.is_ok_and(|output| output.status.success())
        };
        let able = skip_unless(root, what, "not root, who makes homes of others and serves them")
            && skip_unless(installed(), what, "nfs-ganesha or python3 is not installed");
        able.then_some(Ready(()))
    }

    /// Returns the address it listens on.
    pub(crate) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// Returns the URL of a path.
    pub(crate) fn url(&self, name: &str) -> String {
        format!("nfs://{}{name}", self.address())
    }
}

impl Ready {
    /// Serves until the result is dropped. `nfsv4` is added to that block of the configuration; the
    /// server's files go into `dir`.
    pub(crate) fn serve(self, dir: &Path, exports: &[Export<'_>], nfsv4: &str) -> Ganesha {
        // Another process may take the port between the search for a free one and the server's
        // start.
        for _ in 0..3 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(server) = start(dir, exports, nfsv4, port) {
                return server;
            }
        }
        let log = std::fs::read_to_string(dir.join("ganesha.log")).unwrap_or_default();
        panic!("ganesha does not start: {log}");
    }
}

fn start(dir: &Path, exports: &[Export<'_>], nfsv4: &str, port: u16) -> Option<Ganesha> {
    let recovery = dir.join("recovery");
    std::fs::create_dir_all(&recovery).unwrap();
    let slots = match nfsv4.contains("Slot_Table_Size") {
        true => "",
        false => "Slot_Table_Size = 1024;",
    };
    let mut conf = format!(
        "NFS_CORE_PARAM {{ Protocols = 4; NFS_Port = {port}; Bind_addr = 127.0.0.1; \
         Enable_NLM = false; Enable_RQUOTA = false; }}\n\
         NFSV4 {{ Minor_Versions = 1; Graceless = true; RecoveryBackend = fs; \
         RecoveryRoot = {recovery:?}; {slots} {nfsv4} }}\n"
    );
    for (number, export) in exports.iter().enumerate() {
        let (path, name) = (export.path, export.name);
        writeln!(
            conf,
            "EXPORT {{ Export_Id = {}; Path = {path:?}; Pseudo = {name}; Access_Type = RO; \
             Squash = none; SecType = sys; FSAL {{ Name = VFS; }} }}",
            number + 1
        )
        .unwrap();
    }
    let config = dir.join("ganesha.conf");
    std::fs::write(&config, conf).unwrap();
    let log = dir.join("ganesha.log");
    let said = File::create(dir.join("ganesha.out")).unwrap();
    let mut command = Command::new("ganesha.nfsd");
    command.args(["-F", "-f"]).arg(&config).arg("-L").arg(&log);
    command.arg("-p").arg(dir.join("ganesha.pid"));
    command.stdin(Stdio::null()).stderr(said.try_clone().unwrap()).stdout(said);
    let mut server = Ganesha { child: command.spawn().unwrap(), port, log };
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until && server.child.try_wait().unwrap().is_none() {
        let ready = std::fs::read_to_string(&server.log).unwrap_or_default();
        // It listens before its exports are ready.
        if ready.contains("NFS SERVER INITIALIZED")
            && TcpStream::connect(("127.0.0.1", port)).is_ok()
        {
            return Some(server);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

impl Drop for Ganesha {
    fn drop(&mut self) {
        // An orderly shutdown takes ten seconds, and nothing was written.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
