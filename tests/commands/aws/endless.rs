//! Lists of AWS that never end are given up.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// Starts a server whose lists form a ring, or have more and more pages in no order. Its thread
/// ends with the process.
fn endless() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let asked = AtomicUsize::new(0);
        for stream in listener.incoming() {
            // A client that has given up is no fault.
            let _ = answer(stream.unwrap(), asked.fetch_add(1, Ordering::SeqCst));
        }
    });
    url
}

fn answer(stream: TcpStream, at: usize) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut first) = (String::new(), 0, String::new());
    while reader.read_line(&mut line)? > 2 {
        if first.is_empty() {
            first.clone_from(&line);
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let (kind, body) = match () {
        () if first.starts_with("POST") => {
            let token = ["A", "B", "C"][at % 3];
            let profile = serde_json::json!({ "UserProfileName": "u", "CreationTime": 1 });
            let page = serde_json::json!({ "UserProfiles": [profile], "NextToken": token });
            ("application/x-amz-json-1.1", page.to_string())
        }
        () => {
            let key =
                format!("<Contents><Key>efs/homes/fs=prod/dt=2026-11-27/{at}.csv</Key></Contents>");
            let more = format!("<NextContinuationToken>{at}</NextContinuationToken>");
            let page = format!("<IsTruncated>true</IsTruncated>{more}{key}");
            ("application/xml", format!("<ListBucketResult>{page}</ListBucketResult>"))
        }
    };
    let mut stream = reader.into_inner();
    let length = body.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n")?;
    write!(stream, "Content-Length: {length}\r\n\r\n{body}")
}

#[test]
fn a_list_that_does_not_end_is_given_up_with_a_line() {
    let world = World::new();
    let run = |args: &[&str]| {
        let mut command = world.command();
        watched(command.env("AWS_ENDPOINT_URL", endless()).args(args), Duration::from_secs(60))
    };
    let root = world.root();
    let output = run(&[root.to_str().unwrap(), "--names=sagemaker:d-0123456789ab"]);
    let said = stderr(&output);
    assert_eq!(code(&output), Some(0), "{said}");
    assert!(said.contains("ListUserProfiles: the list does not end"), "{said}");
    let output = run(&["history", "--from", "s3://bucket/efs", "--file-system", "prod"]);
    let said = stderr(&output);
    assert_eq!(code(&output), Some(1), "{said}");
    assert!(
        said.contains(
            "ListObjectsV2 s3://bucket/efs/homes/parquet/fs=prod/dt=: the list does not end"
        ),
        "{said}"
    );
}

/// Kinds of bodies of an answer.
#[derive(Clone, Copy)]
enum Sent {
    /// At full speed, without end.
    Flood,
    /// One byte now and then, without end.
    Drip,
    /// None of the 3 GiB that the header promises.
    Promise,
}

/// Starts a server whose every answer has such a body. Its thread ends with the process.
fn server(sent: Sent) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that has given up is no fault.
            std::thread::spawn(move || send(stream.unwrap(), sent));
        }
    });
    url
}

fn send(mut stream: TcpStream, sent: Sent) -> std::io::Result<()> {
    let mut request = [0; 1 << 16];
    let _ = stream.read(&mut request)?;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
    if matches!(sent, Sent::Promise) {
        write!(stream, "{head}Content-Length: {}\r\n\r\n", 3u64 << 30)?;
    } else {
        write!(stream, "{head}Transfer-Encoding: chunked\r\n\r\n")?;
    }
    loop {
        match sent {
            Sent::Flood => write!(stream, "10000\r\n{}\r\n", " ".repeat(1 << 16))?,
            Sent::Drip => {
                write!(stream, "4\r\n    \r\n")?;
                std::thread::sleep(Duration::from_millis(400));
            }
            Sent::Promise => std::thread::sleep(Duration::from_secs(1)),
        }
    }
}

/// Runs `status` from that server, in little memory.
fn status(sent: Sent) -> Output {
    let world = World::new();
    let script = "ulimit -v 3000000; exec \"$0\" status --from s3://bucket/efs --file-system prod";
    let mut command = world.script(script);
    watched(command.env("AWS_ENDPOINT_URL", server(sent)), Duration::from_secs(120))
}

#[test]
fn an_object_without_end_is_given_up_with_a_line() {
    let cases = [
        (Sent::Flood, "GetObject s3://bucket/efs/latest/prod.json: it is larger than 1024 MiB"),
        (Sent::Promise, "GetObject s3://bucket/efs/latest/prod.json: the body: "),
        (Sent::Drip, "GetObject s3://bucket/efs/latest/prod.json: the body"),
    ];
    at_once(&cases, |(sent, line)| {
        let output = status(*sent);
        assert_eq!(code(&output), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains(line), "{}", stderr(&output));
    });
}

#[test]
fn an_answer_without_end_is_given_up_with_a_line() {
    let cases = [
        (Sent::Flood, "the answer (200) cannot be read: it is longer than 8 MiB: is this AWS?"),
        (Sent::Drip, "ListUserProfiles d-0123456789ab: no answer in time"),
    ];
    at_once(&cases, |(sent, line)| {
        let world = World::new();
        let mut command = world.command();
        command.arg(world.root()).arg("--names=sagemaker:d-0123456789ab");
        let output =
            watched(command.env("AWS_ENDPOINT_URL", server(*sent)), Duration::from_secs(120));
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        assert!(stderr(&output).contains(line), "{}", stderr(&output));
    });
}
