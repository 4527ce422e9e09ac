//! Reminders through emulators of SES.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Output;

use serde_json::{Value, json};

use super::{MINISTACK, MOTO, Server, token};
use efs_scan_testbed::*;

/// Sends one HTTP request and returns the JSON of the reply.
fn http(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    let host = server.url.strip_prefix("http://").unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let scope = "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/ses/aws4_request, \
                 SignedHeaders=host, Signature=0";
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\nauthorization: {scope}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(host).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// Returns the messages that moto accepted from that sender.
fn taken_by_moto(server: &Server, from: &str) -> Vec<Value> {
    let data = http(server, "GET", "/moto-api/data.json", &Value::Null);
    let messages = data["ses"]["Message"].as_array().unwrap().clone();
    messages.into_iter().filter(|message| message["source"] == from).collect()
}

/// Returns the number of messages that ministack accepted since it started.
fn taken_by_ministack(server: &Server) -> u64 {
    let account = http(server, "GET", "/v2/email/account", &Value::Null);
    account["SendQuota"]["SentLast24Hours"].as_f64().unwrap() as u64
}

#[test]
fn reminders_are_taken_and_an_unverified_sender_is_refused() {
    for (variable, what) in [(MINISTACK, "reminders by ministack"), (MOTO, "reminders by moto")] {
        let Some(server) = Server::of(variable, what) else { continue };
        let scratch = scratch();
        let path = |name: &str| scratch.path().join(name).display().to_string();
        file(scratch.path(), "efs/200005/.local/share/Trash/files/a", 3_000_000);
        file(scratch.path(), "efs/200006/b", 3_000_000);
        file(scratch.path(), "efs/200007/c", 3_000_000);
        std::fs::write(path("names.csv"), "200005,alice\n200006,bob\n").unwrap();
        let from = format!("{}@example.com", token());
        let config = format!(
            "[remind]\nfrom = '{from}'\nadmin = 'storage@example.com'\n\
             address = '{{name}}@example.com'\n[quota]\ndefault = '1MiB'\n"
        );
        std::fs::write(path("efs-scan.toml"), config).unwrap();
        let (config, state, to) = (path("efs-scan.toml"), path("state"), path("published"));
        let run = |args: &[&str], code: i32| -> Output {
            let common = ["--config", &config, "--state-dir", &state];
            let output = server.run(&[args, &common[..]].concat());
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(code), "{what}: {said}");
            output
        };
        let names = format!("csv:{}", path("names.csv"));
        run(&[&path("efs"), "--names", &names, "--publish", &to], 0);
        let output = run(&["remind", "--from", &to], 5);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        for address in ["alice", "bob", "storage"] {
            let line = format!("SES SendEmail to {address}@example.com: MessageRejected: Email");
            assert!(said.contains(&line), "{what}: {said}");
        }

        let made = http(&server, "POST", "/v2/email/identities", &json!({ "EmailIdentity": from }));
        assert_eq!(made["IdentityType"], "EMAIL_ADDRESS");
        let before = match variable {
            MINISTACK => {
                // An address is verified by a click, a domain by DNS. The emulator needs neither.
                let domain = json!({ "EmailIdentity": "example.com" });
                http(&server, "POST", "/v2/email/identities", &domain);
                taken_by_ministack(&server)
            }
            _ => 0,
        };
        let preview = run(&["remind", "--from", &to, "--dry-run"], 0);
        let preview = String::from_utf8_lossy(&preview.stdout).into_owned();
        run(&["remind", "--from", &to], 0);
        run(&["remind", "--from", &to], 0);
        if variable == MINISTACK {
            assert_eq!(taken_by_ministack(&server) - before, 3, "each once");
            continue;
        }
        let taken = taken_by_moto(&server, &from);
        let mut to: Vec<&str> = Vec::new();
        for message in &taken {
            to.push(message["destinations"]["ToAddresses"][0].as_str().unwrap());
            let text = |key: &str| message[key].as_str().unwrap();
            let printed = format!("Subject: {}\n\n{}\n", text("subject"), text("body"));
            assert!(preview.contains(&printed), "{preview}\n{printed}");
        }
        assert_eq!(to, ["alice@example.com", "bob@example.com", "storage@example.com"]);
    }
}
