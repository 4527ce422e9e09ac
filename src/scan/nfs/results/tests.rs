#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use proptest::prelude::*;

use super::super::attrs::{AttrMask, FileOwner, FileType, Fsid};
use super::super::rpc;
use super::super::testing::{ReplyWriter, recorded, results, small_listing};
use super::*;

#[test]
fn session_setup_with_ganesha() {
    let record = recorded("ganesha-exchange-id");
    let mut reply = results(&record);
    let id = reply.exchange_id().unwrap();
    // ganesha adds that it supports referrals (SUPP_MOVED_REFER).
    assert_eq!((id.sequence, id.flags), (1, USE_NON_PNFS | 1));
    assert_eq!((id.minor, id.implementation), (0, None));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-create-session");
    let mut reply = results(&record);
    let session = reply.create_session().unwrap();
    let fore = ChannelAttrs {
        max_request: 1 << 20,
        max_response: 1 << 20,
        max_response_cached: 256,
        max_operations: 1024,
        max_requests: 1024,
    };
    assert_eq!((session.fore, session.back, session.sequence), (fore, ChannelAttrs::BACK, 1));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-reclaim-complete");
    let mut reply = results(&record);
    let sequence = reply.sequence().unwrap();
    assert_eq!((sequence.session, sequence.sequence, sequence.slot), (session.session, 1, 0));
    assert_eq!((sequence.highest_slot, sequence.target_highest_slot), (1023, 1023));
    assert_eq!(sequence.flags, 1, "CB_PATH_DOWN, as there is no back channel");
    assert_eq!(reply.check(NfsOp::ReclaimComplete), Ok(()));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-bind");
    assert_eq!(results(&record).bind_conn_to_session(), Ok(session.session));
}

#[test]
fn lookup_and_read_with_ganesha() {
    let record = recorded("ganesha-lookup");
    let mut reply = results(&record);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutRootFh).unwrap();
    for _ in 0..3 {
        reply.check(NfsOp::Lookup).unwrap();
    }
    assert_eq!(reply.get_fh().unwrap().len(), 23);
    let root = reply.get_attr().unwrap();
    assert!(root.supported.unwrap().has(AttrMask::ENTRY));
    assert_eq!((root.kind, root.lease_time), (Some(FileType::Dir), Some(60)));
    assert_eq!(root.owner, Some(FileOwner::Uid(200_005)));
    assert_eq!(root.fsid, Some(Fsid { major: 0xc9d1_df7c, minor: 0x820_fd9e }));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-read");
    let mut reply = results(&record);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutFh).unwrap();
    assert_eq!(reply.read(), Ok(ReadResult { eof: false, data: &[0; 43] }));
}

#[test]
fn linux_grants_50_operations_and_160_slots() {
    let record = recorded("linux-create-session");
    let session = results(&record).create_session().unwrap();
    assert_eq!((session.fore.max_operations, session.fore.max_requests), (50, 160));
    assert_eq!((session.fore.max_response, session.fore.max_response_cached), (1 << 20, 256));

    // During the grace period after a restart, reads are refused.
    let record = recorded("linux-read-in-grace");
    let mut reply = results(&record);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutFh).unwrap();
    let (operation, status) = (NfsOp::Read, Status::GRACE);
    assert_eq!(reply.read(), Err(OpError::Status { operation, status }));
}

#[test]
fn linux_drops_excess_operations_and_returns_ok() {
    // 51 operations, although 50 were granted; SEQUENCE counts.
    let record = recorded("linux-many");
    let mut reply = results(&record);
    reply.sequence().unwrap();
    for _ in 0..49 {
        reply.check(NfsOp::PutRootFh).unwrap();
    }
    let fault = reply.check(NfsOp::PutRootFh).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "malformed reply: expected result for every operation at byte 472"
    );
}

#[test]
fn a_reply_ends_at_the_failed_operation() {
    // Two listings, a PUTFH with an invalid file handle, GETATTR.
    let record = recorded("ganesha-batch");
    let mut reply = results(&record);
    reply.sequence().unwrap();
    for _ in 0..2 {
        reply.check(NfsOp::PutFh).unwrap();
        let end = reply.read_dir().unwrap().end().unwrap();
        assert!(!end.eof && end.cookie.is_some());
    }
    let (operation, status) = (NfsOp::PutFh, Status::BADHANDLE);
    let refused = OpError::Status { operation, status };
    assert_eq!(reply.check(operation), Err(refused));
    assert_eq!(refused.to_string(), "PUTFH: NFS4ERR_BADHANDLE");
    let operation = NfsOp::GetAttr;
    assert_eq!(reply.get_attr(), Err(OpError::NotExecuted { operation }));
    assert_eq!(reply.check(operation), Err(OpError::NotExecuted { operation }));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-misordered");
    let (operation, status) = (NfsOp::Sequence, Status::SEQ_MISORDERED);
    assert_eq!(results(&record).sequence(), Err(OpError::Status { operation, status }));
}

#[test]
fn a_request_can_be_rejected_as_a_whole() {
    let record = ReplyWriter::new(1).finish_with(Status::MINOR_VERS_MISMATCH);
    let mut reply = results(&record);
    let (operation, status) = (NfsOp::Sequence, Status::MINOR_VERS_MISMATCH);
    assert_eq!(reply.sequence(), Err(OpError::Status { operation, status }));
    let operation = NfsOp::PutFh;
    assert_eq!(reply.check(operation), Err(OpError::NotExecuted { operation }));
}

#[test]
fn an_unknown_operation_is_illegal() {
    let mut reply = ReplyWriter::new(1);
    reply.sequence();
    reply.writer.u32(OP_ILLEGAL);
    reply.writer.u32(Status::OP_ILLEGAL.0);
    let mut record = reply.finish_with(Status::OP_ILLEGAL);
    // The second result was written by hand. The number of results comes after status and tag.
    record[36..40].copy_from_slice(&2_u32.to_be_bytes());
    let mut reply = results(&record);
    reply.sequence().unwrap();
    let (operation, status) = (NfsOp::ReclaimComplete, Status::OP_ILLEGAL);
    assert_eq!(reply.check(operation), Err(OpError::Status { operation, status }));
}

#[test]
fn results_that_do_not_match_the_request_are_malformed() {
    let mut reply = ReplyWriter::new(1);
    reply.sequence();
    reply.ok(NfsOp::PutFh);
    let whole = reply.finish();

    let mut reply = results(&whole);
    reply.sequence().unwrap();
    assert!(reply.end().is_err(), "more results than operations");

    let mut reply = results(&whole);
    reply.sequence().unwrap();
    let lookup = reply.check(NfsOp::Lookup).unwrap_err();
    assert_eq!(lookup.to_string(), "malformed reply: expected LOOKUP at byte 84");
    assert_eq!(reply.check(NfsOp::PutFh), Err(lookup), "the error is permanent");

    let mut reply = results(&whole);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutFh).unwrap();
    assert!(matches!(reply.get_fh(), Err(OpError::Malformed(_))), "an operation without a result");

    let more = [&whole[..], &[0; 4]].concat();
    let mut reply = results(&more);
    reply.sequence().unwrap();
    reply.check(NfsOp::PutFh).unwrap();
    assert!(reply.end().is_err(), "trailing bytes");

    // The bytes end, but another result was announced.
    let mut reply = results(&whole[..whole.len() - 8]);
    reply.sequence().unwrap();
    assert!(reply.end().is_err());

    // No results, which is valid only for a failure; and too few results without a failure.
    let none = ReplyWriter::new(1).finish();
    assert!(matches!(results(&none).check(NfsOp::PutRootFh), Err(OpError::Malformed(_))));
    let mut reply = ReplyWriter::new(1);
    reply.sequence();
    let fewer = reply.finish_with(Status::DELAY);
    let mut reply = results(&fewer);
    reply.sequence().unwrap();
    assert!(matches!(reply.check(NfsOp::PutFh), Err(OpError::Malformed(_))));

    let mut reply = ReplyWriter::new(1);
    reply.result(NfsOp::Sequence, Status::DELAY);
    reply.ok(NfsOp::PutFh);
    let record = reply.finish_with(Status::DELAY);
    assert!(
        matches!(results(&record).sequence(), Err(OpError::Malformed(_))),
        "a result after the failed operation"
    );
}

#[test]
fn unrequested_state_protection_is_malformed() {
    let mut record = recorded("ganesha-exchange-id");
    // After the RPC header (24), the COMPOUND's (12), operation and status (8), client id, sequence
    // id and flags (16).
    let protect = 60;
    assert_eq!(record[protect..protect + 4], [0; 4]);
    record[protect + 3] = 1;
    let fault = results(&record).exchange_id().unwrap_err();
    assert!(fault.to_string().contains("expected SP4_NONE"), "{fault}");
}

#[test]
fn the_implementation_id_is_read() {
    let mut reply = ReplyWriter::new(1);
    let writer = reply.ok(NfsOp::ExchangeId);
    writer.u64(1);
    writer.u32(2);
    writer.u32(CONFIRMED_R);
    writer.u32(SP4_NONE);
    writer.u64(3);
    writer.opaque(b"major");
    writer.opaque(b"scope");
    writer.u32(1);
    writer.opaque(b"kernel.org");
    writer.opaque(b"Linux 6.1");
    writer.u64(0);
    writer.u32(0);
    let record = reply.finish();
    let id = results(&record).exchange_id().unwrap();
    assert_eq!((id.client, id.sequence, id.flags, id.minor), (1, 2, CONFIRMED_R, 3));
    assert_eq!((id.server, id.scope), (&b"major"[..], &b"scope"[..]));
    assert_eq!(id.implementation, Some((&b"kernel.org"[..], &b"Linux 6.1"[..])));
}

#[test]
fn linux_is_recognized_with_and_without_an_implementation_id() {
    let unnamed = ExchangeIdResult {
        client: 1,
        sequence: 1,
        flags: 0,
        server: b"vm",
        minor: 0,
        scope: b"vm",
        implementation: None,
    };
    // As observed with Linux 6.1 and ganesha 4.3.
    assert!(unnamed.may_be_linux());
    assert!(!ExchangeIdResult { scope: b"vm_NFS-Ganesha", ..unnamed }.may_be_linux());
    let named = |domain, name| ExchangeIdResult { implementation: Some((domain, name)), ..unnamed };
    assert!(named(b"kernel.org", b"x").may_be_linux());
    assert!(named(b"", b"Linux 6.18").may_be_linux());
    assert!(!named(b"example.com", b"x").may_be_linux());
}

/// Reads every result in the reply's order. Returns their number.
fn read_all(record: &[u8], order: &[NfsOp]) -> Result<usize, OpError> {
    let Ok(reader) = rpc::reply(record)?.outcome else {
        return Ok(0);
    };
    let mut reply = CompoundResults::new(reader)?;
    for operation in order {
        match operation {
            NfsOp::ExchangeId => drop(reply.exchange_id()?),
            NfsOp::CreateSession => drop(reply.create_session()?),
            NfsOp::BindConnToSession => drop(reply.bind_conn_to_session()?),
            NfsOp::Sequence => drop(reply.sequence()?),
            NfsOp::GetFh => drop(reply.get_fh()?),
            NfsOp::GetAttr => drop(reply.get_attr()?),
            NfsOp::Read => drop(reply.read()?),
            NfsOp::ReadDir => drop(reply.read_dir()?.end()?),
            other => reply.check(*other)?,
        }
    }
    reply.end()?;
    Ok(order.len())
}

/// Replies, each with the operations of its request.
fn whole_replies() -> Vec<(Vec<u8>, Vec<NfsOp>)> {
    use NfsOp::*;
    vec![
        (recorded("ganesha-exchange-id"), vec![ExchangeId]),
        (recorded("ganesha-create-session"), vec![CreateSession]),
        (recorded("ganesha-reclaim-complete"), vec![Sequence, ReclaimComplete]),
        (
            recorded("ganesha-lookup"),
            vec![Sequence, PutRootFh, Lookup, Lookup, Lookup, GetFh, GetAttr],
        ),
        (recorded("ganesha-read"), vec![Sequence, PutFh, Read]),
        (recorded("ganesha-readdir"), vec![Sequence, PutFh, ReadDir]),
        (recorded("ganesha-bind"), vec![BindConnToSession]),
        (recorded("linux-lookup"), vec![Sequence, PutRootFh, Lookup, Lookup, GetFh, GetAttr]),
        (recorded("linux-mount"), vec![Sequence, PutFh, ReadDir]),
        (small_listing(), vec![Sequence, PutFh, ReadDir]),
    ]
}

#[test]
fn every_truncation_is_malformed() {
    for (record, order) in whole_replies() {
        assert_eq!(read_all(&record, &order), Ok(order.len()));
        for cut in 0..record.len() {
            let fault = read_all(&record[..cut], &order);
            assert!(
                matches!(fault, Err(OpError::Malformed(m)) if m.offset <= cut),
                "{cut}: {fault:?}"
            );
        }
    }
}

#[test]
fn corrupted_bytes_never_panic() {
    for (mut record, order) in whole_replies() {
        for at in 0..record.len() {
            let byte = record[at];
            for change in [1, 2, 4, 0x10, 0x80, 0xff, byte] {
                record[at] = byte ^ change;
                if let Err(OpError::Malformed(malformed)) = read_all(&record, &order) {
                    assert!(malformed.offset <= record.len());
                }
            }
            record[at] = byte;
        }
    }
}

proptest! {
    #[test]
    fn arbitrary_results_never_panic(
        operation in proptest::sample::select(whole_replies()),
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), 0..3u8, any::<u8>()], 0..120),
    ) {
        // After a valid head, so that more than the head is tested.
        let mut reply = ReplyWriter::new(1);
        for operation in &operation.1 {
            reply.ok(*operation);
        }
        let mut record = reply.finish();
        record.truncate(48);
        record.extend(bytes);
        if let Err(OpError::Malformed(malformed)) = read_all(&record, &operation.1) {
            prop_assert!(malformed.offset <= record.len());
        }
    }

    #[test]
    fn overwritten_ranges_never_panic(
        (mut record, order) in proptest::sample::select(whole_replies()),
        at in any::<proptest::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let at = at.index(record.len());
        let end = record.len().min(at + bytes.len());
        record[at..end].copy_from_slice(&bytes[..end - at]);
        if let Err(OpError::Malformed(malformed)) = read_all(&record, &order) {
            prop_assert!(malformed.offset <= record.len());
        }
    }
}
