//! Debian's node_exporter with its textfile collector.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use efs_scan_testbed::*;

/// Ends the exporter on drop.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Asserts that node_exporter takes the file without an error and serves all of its series.
pub(crate) fn takes(text: &str, series: usize) {
    let dir = scratch();
    std::fs::write(dir.path().join("efs-scan.prom"), text).unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("prometheus-node-exporter");
    command
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .args(["--collector.disable-defaults", "--collector.textfile"])
        .arg("--collector.textfile.directory")
        .arg(dir.path());
    let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let Ok(child) = started else {
        skip_unless(false, "metrics through node_exporter", "prometheus-node-exporter is not here");
        return;
    };
    let _running = Running(child);
    let served = served(port);
    assert!(served.contains("\nnode_textfile_scrape_error 0\n"), "{served}");
    let ours = served.lines().filter(|line| line.starts_with("efs_scan_"));
    assert_eq!(ours.count(), series, "{served}");
}

/// Returns the metrics it serves, as soon as it answers.
fn served(port: u16) -> String {
    let begun = Instant::now();
    loop {
        if let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            return text;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "node_exporter does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
}
