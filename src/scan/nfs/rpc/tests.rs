#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use proptest::prelude::*;

use super::*;

/// Splits a record into fragments of at most these lengths, with record marks.
fn framed(record: &[u8], fragments: &[usize]) -> Vec<u8> {
    let mut stream = Vec::new();
    let mut rest = record;
    for length in fragments {
        let (now, later) = rest.split_at(rest.len().min(*length));
        if now.is_empty() {
            break;
        }
        stream.extend((now.len() as u32).to_be_bytes());
        stream.extend(now);
        rest = later;
    }
    stream.extend((rest.len() as u32 | LAST_FRAGMENT).to_be_bytes());
    stream.extend(rest);
    stream
}

/// Feeds a stream in portions of these sizes, repeated as needed, and collects the records.
fn receive(stream: &[u8], portions: &[usize], limit: usize) -> Result<Vec<Vec<u8>>, FramingError> {
    let mut records = RecordBuffer::new(limit);
    let (mut all, mut rest) = (Vec::new(), stream);
    for portion in portions.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at(rest.len().min(*portion));
        records.push(now);
        rest = later;
        while let Some(record) = records.next()? {
            all.push(record.to_vec());
        }
    }
    Ok(all)
}

proptest! {
    #[test]
    fn records_survive_any_fragmentation_and_chunking(
        sent in proptest::collection::vec(
            (
                proptest::collection::vec(any::<u8>(), 0..50),
                proptest::collection::vec(1..20usize, 0..5),
            ),
            0..6,
        ),
        portions in proptest::collection::vec(1..40usize, 1..8),
    ) {
        let stream: Vec<u8> = sent.iter().flat_map(|(r, f)| framed(r, f)).collect();
        let all: Vec<Vec<u8>> = sent.into_iter().map(|(record, _)| record).collect();
        prop_assert_eq!(receive(&stream, &portions, 200).unwrap(), all);
    }

    #[test]
    fn arbitrary_streams_never_exceed_the_limit(
        stream in proptest::collection::vec(prop_oneof![Just(0u8), Just(0x80), any::<u8>()], 0..300),
        portions in proptest::collection::vec(1..40usize, 1..8),
    ) {
        if let Ok(all) = receive(&stream, &portions, 64) {
            prop_assert!(all.iter().all(|record| record.len() <= 64));
        }
    }

    #[test]
    fn arbitrary_bytes_are_a_reply_or_malformed(
        bytes in proptest::collection::vec(prop_oneof![0..6u8, any::<u8>()], 0..60)
    ) {
        match reply(&bytes) {
            Ok(_) => prop_assert!(bytes.len() >= 12),
            Err(malformed) => prop_assert!(malformed.offset <= bytes.len()),
        }
    }
}

#[test]
fn an_oversized_record_is_refused_before_it_arrives() {
    let mut records = RecordBuffer::new(100);
    records.push(&(101 | LAST_FRAGMENT).to_be_bytes());
    let error = records.next().unwrap_err();
    assert_eq!(error.to_string(), "the server announced a message of 101 bytes; the limit is 100");
    assert_eq!(records.next().unwrap_err(), error, "the error is permanent");
    assert!(records.buffer.len() < 100, "announced bytes need no memory");

    // Many short fragments, then fragments of one byte.
    let fragment = framed(&[1; 90], &[30, 30, 30]);
    assert_eq!(receive(&fragment, &[7], 90 + 3 * 4).unwrap().len(), 1);
    assert!(receive(&fragment, &[7], 90 + 3 * 4 - 1).is_err());
    let endless = [0, 0, 0, 1, 9].repeat(80);
    assert!(receive(&endless, &[64], 100).is_err());
}

#[test]
fn empty_fragments_are_refused() {
    // At the start of a record and inside one.
    for before in [&[][..], &[0, 0, 0, 1, 9]] {
        let stream = [before, &[0; 4]].concat();
        assert_eq!(receive(&stream, &[64], 100).unwrap_err(), FramingError::Empty);
    }
    // The last fragment may be empty: it completes a record.
    assert_eq!(receive(&[0, 0, 0, 1, 9, 0x80, 0, 0, 0], &[64], 100).unwrap(), [[9]]);
}

#[test]
fn memory_does_not_grow_with_the_stream() {
    let mut records = RecordBuffer::new(1000);
    let stream = framed(&[5; 900], &[300]);
    for _ in 0..200 {
        records.push(&stream);
        assert_eq!(records.next().unwrap(), Some(&[5; 900][..]));
        assert_eq!(records.next().unwrap(), None);
    }
    assert!(records.buffer.len() <= 2 * stream.len(), "{}", records.buffer.len());
}

#[test]
fn a_tls_alert_is_not_mistaken_for_a_long_record() {
    for (bytes, tls) in [
        (&b"\x15\x03\x01\x00\x02\x02\x46"[..], true),
        (b"\x15\x03\x03\x00\x02\x02\x28", true),
        (b"\x16\x03\x01\x00\x02", false),
        (b"\x80\xff\xff\xff", false),
    ] {
        let mut records = RecordBuffer::new(1 << 20);
        records.push(bytes);
        assert_eq!(records.next().unwrap_err().is_tls(), tls, "{bytes:x?}");
    }
}

/// Parses a reply given as words after the xid.
fn outcome(words: &[u32]) -> Result<Result<usize, RpcError>, Malformed> {
    let bytes: Vec<u8> = [&[77], words].concat().iter().flat_map(|w| w.to_be_bytes()).collect();
    let reply = reply(&bytes)?;
    assert_eq!(reply.xid, 77);
    Ok(reply.outcome.map(|reader| reader.remaining()))
}

#[test]
fn rejected_replies_carry_the_reason() {
    assert_eq!(outcome(&[1, 0, 0, 0, 0, 5]).unwrap(), Ok(4));
    // A verifier of another flavor, with a body.
    assert_eq!(outcome(&[1, 0, 2, 4, 0xffff, 0, 5]).unwrap(), Ok(4));
    let refusals = [
        (&[1, 0, 0, 0, 1][..], RpcError::ProgUnavail),
        (&[1, 0, 0, 0, 2, 2, 3], RpcError::ProgMismatch { low: 2, high: 3 }),
        (&[1, 0, 0, 0, 3], RpcError::ProcUnavail),
        (&[1, 0, 0, 0, 4], RpcError::GarbageArgs),
        (&[1, 0, 0, 0, 5], RpcError::SystemErr),
        (&[1, 1, 0, 3, 4], RpcError::RpcMismatch { low: 3, high: 4 }),
        (&[1, 1, 1, 5], RpcError::Auth(AuthStat::TOOWEAK)),
    ];
    for (words, refused) in refusals {
        assert_eq!(outcome(words).unwrap(), Err(refused));
        assert!(outcome(&words[..words.len() - 1]).is_err(), "truncated: {words:?}");
        assert!(outcome(&[words, &[0]].concat()).is_err(), "trailing bytes: {words:?}");
    }
    let tooweak = RpcError::Auth(AuthStat::TOOWEAK).to_string();
    assert_eq!(tooweak, "the server rejected the credential: AUTH_TOOWEAK");
    assert_eq!(AuthStat(14).to_string(), "RPC authentication status 14");
}

#[test]
fn non_replies_are_malformed() {
    let long_verifier = [&[1, 0, 1, 404][..], &[0; 102]].concat();
    for words in [
        // A call; unknown reply_stat, accept_stat and reject_stat; a verifier over the limit.
        &[0, 2, 100_003, 4, 0][..],
        &[1, 2, 0, 0, 0],
        &[1, 0, 0, 0, 6],
        &[1, 1, 2, 0],
        &long_verifier,
    ] {
        assert!(outcome(words).is_err(), "{words:?}");
    }
}

#[test]
fn a_server_rejects_garbage_arguments() {
    // Reply of nfs-ganesha 4.3 to a COMPOUND of 1,025 operations.
    let record = super::super::testing::recorded("ganesha-many");
    assert_eq!(reply(&record).unwrap().outcome.unwrap_err(), RpcError::GarbageArgs);
}
