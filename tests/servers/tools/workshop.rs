//! Installed tools, and the materials for their examples.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use efs_scan_testbed::*;
use tempfile::TempDir;

use super::case::Case;

/// The installed tools, and packages of 2 MiB for them.
pub(super) struct Workshop {
    /// Directories of programs, as in PATH.
    path: Vec<PathBuf>,
    tools: PathBuf,
    demo: TempDir,
    /// Serves `demo` on the loopback interface.
    server: Child,
    address: String,
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Workshop {
    /// Installs the tools and makes their packages; otherwise reports the test as skipped.
    pub(super) fn open() -> Option<Self> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/tools");
        let python = Command::new("python3").arg("--version").output().is_ok();
        let git = Command::new("git").arg("--version").output().is_ok();
        if !skip_unless(
            python && git,
            "the rules' commands with real tools",
            "python3 or git is missing",
        ) {
            return None;
        }
        let mut install = Command::new(here.join("install"));
        install.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap());
        let said =
            String::from_utf8(watched(&mut install, Duration::from_secs(300)).stdout).unwrap();
        for line in said.lines().filter(|line| line.starts_with("not installed")) {
            skip_unless(false, "some of the rules' commands with real tools", line);
        }
        let tools = PathBuf::from(said.lines().last().unwrap());
        let demo = scratch();
        let made = Command::new("python3").arg(here.join("demo.py")).arg(demo.path()).output();
        let made = made.unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut server = Command::new("python3")
            .args([here.join("serve.py").as_path(), demo.path()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
        let address = format!("http://127.0.0.1:{}", port.trim());
        let path = Self::path(&tools);
        Some(Self { path, tools, demo, server, address })
    }

    fn path(tools: &Path) -> Vec<PathBuf> {
        let modules = tools.join("node_modules");
        let mut path = vec![
            tools.join("python/bin"),
            tools.join("yarn"),
            modules.join(".bin"),
            modules.join("@oven/bun-linux-x64/bin"),
            modules.join("@deno/linux-x64-glibc"),
        ];
        // Not rustup's proxy, which searches for its toolchains in HOME.
        if let Ok(output) = Command::new("rustc").args(["--print", "sysroot"]).output() {
            path.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()).join("bin"));
        }
        path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
        path
    }

    fn find(&self, program: &str) -> Option<PathBuf> {
        self.path.iter().map(|place| place.join(program)).find(|path| path.exists())
    }

    /// Returns the first missing program that a case needs.
    pub(super) fn missing(&self, case: &Case) -> Option<&'static str> {
        case.needs.iter().copied().find(|program| self.find(program).is_none())
    }

    /// Makes a directory that contains only these programs.
    pub(super) fn only(&self, programs: &[&str], bin: &Path) {
        std::fs::create_dir_all(bin).unwrap();
        for program in programs {
            std::os::unix::fs::symlink(self.find(program).unwrap(), bin.join(program)).unwrap();
        }
    }

    /// Runs a script of a case in `home`, as its owner.
    pub(super) fn script(&self, script: &str, home: &Path) -> Result<String, String> {
        let mut command = Command::new("bash");
        command
            .args(["-euc", script])
            .env_clear()
            .env("HOME", home)
            .env("PATH", std::env::join_paths(&self.path).unwrap())
            .env("LANG", "C.UTF-8")
            // Otherwise virtualenv later searches for newer wheels in the background.
            .env("VIRTUALENV_NO_PERIODIC_UPDATE", "1")
            .env("TOOLS", &self.tools)
            .env("DEMO", self.demo.path())
            .env("INDEX", &self.address)
            .current_dir(home)
            .stdin(Stdio::null());
        // The first start of some tools reads thousands of files.
        let output = watched(&mut command, Duration::from_secs(300));
        let both = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&both).into_owned();
        if output.status.success() { Ok(said) } else { Err(format!("`{script}` failed: {said}")) }
    }
}
