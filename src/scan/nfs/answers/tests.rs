#![allow(clippy::unwrap_used)] // A test that cannot go on fails.

use proptest::prelude::*;

use super::super::attrs::{Fsid, Kind, Mask, Owner};
use super::super::rpc;
use super::super::testing::{ReplyWriter, answers, recorded, small_listing};
use super::*;

#[test]
fn a_session_as_ganesha_grants_it() {
    let record = recorded("ganesha-exchange-id");
    let mut reply = answers(&record);
    let id = reply.exchange_id().unwrap();
    // It adds that it could refer to other servers (SUPP_MOVED_REFER).
    assert_eq!((id.sequence, id.flags), (1, USE_NON_PNFS | 1));
    assert_eq!((id.minor, id.implementation), (0, None));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-create-session");
    let mut reply = answers(&record);
    let session = reply.create_session().unwrap();
    let fore = Channel {
        max_request: 1 << 20,
        max_response: 1 << 20,
        max_response_cached: 256,
        max_operations: 1024,
        max_requests: 1024,
    };
    assert_eq!((session.fore, session.back, session.sequence), (fore, Channel::BACK, 1));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-reclaim-complete");
    let mut reply = answers(&record);
    let sequence = reply.sequence().unwrap();
    assert_eq!((sequence.session, sequence.sequence, sequence.slot), (session.session, 1, 0));
    assert_eq!((sequence.highest_slot, sequence.target_highest_slot), (1023, 1023));
    assert_eq!(sequence.flags, 1, "CB_PATH_DOWN, as there is no back channel");
    assert_eq!(reply.done(Operation::ReclaimComplete), Ok(()));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-bind");
    assert_eq!(answers(&record).bind_conn_to_session(), Ok(session.session));
}

#[test]
fn a_root_and_a_file_of_ganeshas() {
    let record = recorded("ganesha-lookup");
    let mut reply = answers(&record);
    reply.sequence().unwrap();
    reply.done(Operation::PutRootFh).unwrap();
    for _ in 0..3 {
        reply.done(Operation::Lookup).unwrap();
    }
    assert_eq!(reply.get_fh().unwrap().len(), 23);
    let root = reply.get_attr().unwrap();
    assert!(root.supported.unwrap().has(Mask::ENTRY));
    assert_eq!((root.kind, root.lease_time), (Some(Kind::Dir), Some(60)));
    assert_eq!(root.owner, Some(Owner::Uid(200_005)));
    assert_eq!(root.fsid, Some(Fsid { major: 0xc9d1_df7c, minor: 0x820_fd9e }));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-read");
    let mut reply = answers(&record);
    reply.sequence().unwrap();
    reply.done(Operation::PutFh).unwrap();
    assert_eq!(reply.read(), Ok(Read { eof: false, data: &[0; 43] }));
}

#[test]
fn what_linux_grants() {
    let record = recorded("linux-create-session");
    let session = answers(&record).create_session().unwrap();
    assert_eq!((session.fore.max_operations, session.fore.max_requests), (50, 160));
    assert_eq!((session.fore.max_response, session.fore.max_response_cached), (1 << 20, 256));

    // For a while after its start it lets nobody read.
    let record = recorded("linux-read-in-grace");
    let mut reply = answers(&record);
    reply.sequence().unwrap();
    reply.done(Operation::PutFh).unwrap();
    let (operation, status) = (Operation::Read, Status::GRACE);
    assert_eq!(reply.read(), Err(Fault::Status { operation, status }));
}

#[test]
fn linux_leaves_out_what_is_too_much_and_says_ok() {
    // 51 operations where 50 were granted: SEQUENCE counts.
    let record = recorded("linux-many");
    let mut reply = answers(&record);
    reply.sequence().unwrap();
    for _ in 0..49 {
        reply.done(Operation::PutRootFh).unwrap();
    }
    let fault = reply.done(Operation::PutRootFh).unwrap_err();
    assert_eq!(fault.to_string(), "malformed reply: no results for all operations at byte 472");
}

#[test]
fn a_reply_ends_with_the_operation_that_failed() {
    // Two listings, a PUTFH of a handle that is none, GETATTR.
    let record = recorded("ganesha-batch");
    let mut reply = answers(&record);
    reply.sequence().unwrap();
    for _ in 0..2 {
        reply.done(Operation::PutFh).unwrap();
        let end = reply.read_dir().unwrap().end().unwrap();
        assert!(!end.eof && end.cookie.is_some());
    }
    let (operation, status) = (Operation::PutFh, Status::BADHANDLE);
    let refused = Fault::Status { operation, status };
    assert_eq!(reply.done(operation), Err(refused));
    assert_eq!(refused.to_string(), "PUTFH: NFS4ERR_BADHANDLE");
    let operation = Operation::GetAttr;
    assert_eq!(reply.get_attr(), Err(Fault::NotDone { operation }));
    assert_eq!(reply.done(operation), Err(Fault::NotDone { operation }));
    assert_eq!(reply.end(), Ok(()));

    let record = recorded("ganesha-misordered");
    let (operation, status) = (Operation::Sequence, Status::SEQ_MISORDERED);
    assert_eq!(answers(&record).sequence(), Err(Fault::Status { operation, status }));
}

#[test]
fn a_request_may_be_refused_as_a_whole() {
    let record = ReplyWriter::new(1).finish_with(Status::MINOR_VERS_MISMATCH);
    let mut reply = answers(&record);
    let (operation, status) = (Operation::Sequence, Status::MINOR_VERS_MISMATCH);
    assert_eq!(reply.sequence(), Err(Fault::Status { operation, status }));
    let operation = Operation::PutFh;
    assert_eq!(reply.done(operation), Err(Fault::NotDone { operation }));
}

#[test]
fn an_operation_that_the_server_does_not_know() {
    let mut reply = ReplyWriter::new(1);
    reply.sequence();
    reply.writer.u32(OP_ILLEGAL);
    reply.writer.u32(Status::OP_ILLEGAL.0);
    let mut record = reply.finish_with(Status::OP_ILLEGAL);
    // The second result was written by hand: the number of results lies behind the status and tag.
    record[36..40].copy_from_slice(&2_u32.to_be_bytes());
    let mut reply = answers(&record);
    reply.sequence().unwrap();
    let (operation, status) = (Operation::ReclaimComplete, Status::OP_ILLEGAL);
    assert_eq!(reply.done(operation), Err(Fault::Status { operation, status }));
}

#[test]
fn results_that_do_not_fit_the_request_are_malformed() {
    let mut reply = ReplyWriter::new(1);
    reply.sequence();
    reply.ok(Operation::PutFh);
    let whole = reply.finish();

    let mut reply = answers(&whole);
    reply.sequence().unwrap();
    assert!(reply.end().is_err(), "a result more than operations");

    let mut reply = answers(&whole);
    reply.sequence().unwrap();
    let lookup = reply.done(Operation::Lookup).unwrap_err();
    assert_eq!(lookup.to_string(), "malformed reply: no LOOKUP at byte 84");
    assert_eq!(reply.done(Operation::PutFh), Err(lookup), "and so for ever");

    let mut reply = answers(&whole);
    reply.sequence().unwrap();
    reply.done(Operation::PutFh).unwrap();
    assert!(matches!(reply.get_fh(), Err(Fault::Malformed(_))), "an operation without result");

    let more = [&whole[..], &[0; 4]].concat();
    let mut reply = answers(&more);
    reply.sequence().unwrap();
    reply.done(Operation::PutFh).unwrap();
    assert!(reply.end().is_err(), "bytes behind the results");

    // The bytes end, but there was to be another result.
    let mut reply = answers(&whole[..whole.len() - 8]);
    reply.sequence().unwrap();
    assert!(reply.end().is_err());

    // No results at all, which is right for a failure only; and fewer, with a failure nowhere.
    let none = ReplyWriter::new(1).finish();
    assert!(matches!(answers(&none).done(Operation::PutRootFh), Err(Fault::Malformed(_))));
    let mut reply = ReplyWriter::new(1);
    reply.sequence();
    let fewer = reply.finish_with(Status::DELAY);
    let mut reply = answers(&fewer);
    reply.sequence().unwrap();
    assert!(matches!(reply.done(Operation::PutFh), Err(Fault::Malformed(_))));

    let mut reply = ReplyWriter::new(1);
    reply.result(Operation::Sequence, Status::DELAY);
    reply.ok(Operation::PutFh);
    let record = reply.finish_with(Status::DELAY);
    assert!(matches!(answers(&record).sequence(), Err(Fault::Malformed(_))), "it went on");
}

#[test]
fn state_protection_that_was_not_asked_for_is_malformed() {
    let mut record = recorded("ganesha-exchange-id");
    // Behind the RPC header (24), the COMPOUND's (12), the operation and its status (8), the client
    // id, its sequence and its flags (16).
    let protect = 60;
    assert_eq!(record[protect..protect + 4], [0; 4]);
    record[protect + 3] = 1;
    let fault = answers(&record).exchange_id().unwrap_err();
    assert!(fault.to_string().contains("no SP4_NONE"), "{fault}");
}

#[test]
fn an_implementation_tells_its_name() {
    let mut reply = ReplyWriter::new(1);
    let writer = reply.ok(Operation::ExchangeId);
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
    let id = answers(&record).exchange_id().unwrap();
    assert_eq!((id.client, id.sequence, id.flags, id.minor), (1, 2, CONFIRMED_R, 3));
    assert_eq!((id.server, id.scope), (&b"major"[..], &b"scope"[..]));
    assert_eq!(id.implementation, Some((&b"kernel.org"[..], &b"Linux 6.1"[..])));
}

#[test]
fn linux_is_known_by_its_name_and_without_one() {
    let unnamed = ExchangeId {
        client: 1,
        sequence: 1,
        flags: 0,
        server: b"vm",
        minor: 0,
        scope: b"vm",
        implementation: None,
    };
    // As Linux 6.1 and ganesha 4.3 were seen to answer.
    assert!(unnamed.may_be_linux());
    assert!(!ExchangeId { scope: b"vm_NFS-Ganesha", ..unnamed }.may_be_linux());
    let named = |domain, name| ExchangeId { implementation: Some((domain, name)), ..unnamed };
    assert!(named(b"kernel.org", b"x").may_be_linux());
    assert!(named(b"", b"Linux 6.18").may_be_linux());
    assert!(!named(b"example.com", b"x").may_be_linux());
}

/// Asks for every result, in the order that the reply has them. Gives how many there were.
fn ask(record: &[u8], order: &[Operation]) -> Result<usize, Fault> {
    let Ok(reader) = rpc::reply(record)?.outcome else {
        return Ok(0);
    };
    let mut reply = Answers::new(reader)?;
    for operation in order {
        match operation {
            Operation::ExchangeId => drop(reply.exchange_id()?),
            Operation::CreateSession => drop(reply.create_session()?),
            Operation::BindConnToSession => drop(reply.bind_conn_to_session()?),
            Operation::Sequence => drop(reply.sequence()?),
            Operation::GetFh => drop(reply.get_fh()?),
            Operation::GetAttr => drop(reply.get_attr()?),
            Operation::Read => drop(reply.read()?),
            Operation::ReadDir => drop(reply.read_dir()?.end()?),
            other => reply.done(*other)?,
        }
    }
    reply.end()?;
    Ok(order.len())
}

/// Replies, and what was asked for.
fn whole() -> Vec<(Vec<u8>, Vec<Operation>)> {
    use Operation::*;
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
    for (record, order) in whole() {
        assert_eq!(ask(&record, &order), Ok(order.len()));
        for cut in 0..record.len() {
            let fault = ask(&record[..cut], &order);
            assert!(
                matches!(fault, Err(Fault::Malformed(m)) if m.offset <= cut),
                "{cut}: {fault:?}"
            );
        }
    }
}

#[test]
fn every_change_of_a_byte_ends_well() {
    for (mut record, order) in whole() {
        for at in 0..record.len() {
            let byte = record[at];
            for change in [1, 2, 4, 0x10, 0x80, 0xff, byte] {
                record[at] = byte ^ change;
                if let Err(Fault::Malformed(malformed)) = ask(&record, &order) {
                    assert!(malformed.offset <= record.len());
                }
            }
            record[at] = byte;
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_end_well(
        operation in proptest::sample::select(whole()),
        bytes in proptest::collection::vec(prop_oneof![Just(0u8), 0..3u8, any::<u8>()], 0..120),
    ) {
        // Behind a head that is right, so that more than the head is tried.
        let mut reply = ReplyWriter::new(1);
        for operation in &operation.1 {
            reply.ok(*operation);
        }
        let mut record = reply.finish();
        record.truncate(48);
        record.extend(bytes);
        if let Err(Fault::Malformed(malformed)) = ask(&record, &operation.1) {
            prop_assert!(malformed.offset <= record.len());
        }
    }

    #[test]
    fn any_range_of_bytes_overwritten_ends_well(
        (mut record, order) in proptest::sample::select(whole()),
        at in any::<proptest::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let at = at.index(record.len());
        let end = record.len().min(at + bytes.len());
        record[at..end].copy_from_slice(&bytes[..end - at]);
        if let Err(Fault::Malformed(malformed)) = ask(&record, &order) {
            prop_assert!(malformed.offset <= record.len());
        }
    }
}
