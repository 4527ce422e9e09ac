use super::*;

fn credential() -> Credential {
    Credential::sys(1, b"probe", 0, 0)
}

/// Returns the words of a request after the header common to all.
fn words(build: impl FnOnce(&mut Request)) -> Vec<u32> {
    let mut request = Request::new(b"old contents".to_vec(), 5, &credential());
    build(&mut request);
    let (size, operations) = (request.size(), request.operations());
    let bytes = request.finish();
    assert_eq!(bytes.len(), size + 4);
    let words: Vec<u32> =
        bytes.chunks(4).map(|c| u32::from_be_bytes([c[0], c[1], c[2], c[3]])).collect();
    let head = [
        LAST_FRAGMENT | size as u32,
        // xid, CALL, RPC 2, NFS 4, COMPOUND; AUTH_SYS: stamp, machine name, uid, gid, no groups.
        5,
        0,
        2,
        100_003,
        4,
        1,
        1,
        28,
        1,
        5,
        0x7072_6f62,
        0x6500_0000,
        0,
        0,
        0,
        // AUTH_NONE; an empty tag, the minor version, the number of operations.
        0,
        0,
        0,
        1,
        operations,
    ];
    assert_eq!(words[..head.len()], head);
    words[head.len()..].to_vec()
}

// nfs-ganesha 4.3 accepted exactly these bytes.

#[test]
fn readdir_is_encoded() {
    let args = SequenceArgs {
        session: *b"\x02\0\0\0\x3c\xb4\x05\x6b\x02\0\0\0\0\0\0\0",
        sequence: 3,
        slot: 4,
        highest_slot: 5,
        cache: CacheThis::No,
    };
    let read_dir = ReadDirArgs {
        cookie: 0x0102_0304_0506_0708,
        verifier: *b"verifier",
        dir_count: 4096,
        max_count: 8192,
        attributes: AttrMask::ENTRY,
    };
    let written = words(|r| {
        r.sequence(&args);
        r.put_fh(b"abcde");
        r.read_dir(&read_dir);
    });
    let sequence = [53, 0x0200_0000, 0x3cb4_056b, 0x0200_0000, 0, 3, 4, 5, 0];
    let put_fh = [22, 5, 0x6162_6364, 0x6500_0000];
    let verifier = [0x7665_7269, 0x6669_6572];
    let attributes = [2, 0x0018_0912, 0x00a0_203a];
    let read_dir = [26, 0x0102_0304, 0x0506_0708, verifier[0], verifier[1], 4096, 8192];
    assert_eq!(written, [&sequence[..], &put_fh, &read_dir, &attributes].concat());
}

#[test]
fn session_operations_are_encoded() {
    let written = words(|r| r.exchange_id(b"12345678", b"owner", 0x1_0000));
    assert_eq!(
        written,
        [42, 0x3132_3334, 0x3536_3738, 5, 0x6f77_6e65, 0x7200_0000, 0x1_0000, 0, 0]
    );

    let fore = ChannelAttrs {
        max_request: 1,
        max_response: 2,
        max_response_cached: 3,
        max_operations: 4,
        max_requests: 5,
    };
    let written = words(|r| r.create_session(7 << 32 | 8, 9, &fore));
    let client = [43, 7, 8, 9, 0];
    let channels = [0, 1, 2, 3, 4, 5, 0, 0, 4096, 4096, 0, 2, 1, 0];
    let callbacks = [0x4000_0000, 1, 0];
    assert_eq!(written, [&client[..], &channels, &callbacks].concat());

    let session = [1; 16];
    let word = 0x0101_0101;
    assert_eq!(words(|r| r.destroy_session(&session)), [44, word, word, word, word]);
    assert_eq!(words(|r| r.destroy_client_id(1 << 32 | 2)), [57, 1, 2]);
    assert_eq!(words(|r| r.bind_conn_to_session(&session)), [41, word, word, word, word, 1, 0]);
    assert_eq!(words(Request::reclaim_complete), [58, 0]);
}

#[test]
fn lookups_and_reads_are_encoded() {
    let written = words(|r| {
        r.put_root_fh();
        r.lookup(b"tree");
        r.get_fh();
        r.get_attr(AttrMask::TYPE);
        r.get_attr(AttrMask::default());
        r.read(1 << 32, 43);
        assert_eq!(r.operations(), 6);
    });
    let names = [24, 15, 4, 0x7472_6565, 10, 9, 1, 2, 9, 0];
    assert_eq!(written, [&names[..], &[25, 0, 0, 0, 0, 1, 0, 43]].concat());
}

#[test]
fn a_long_machine_name_is_truncated() {
    let request = Request::new(Vec::new(), 1, &Credential::sys(0, &[b'm'; 300], 1, 2));
    // Length of the credential: stamp, 255 bytes with length and padding, uid, gid and no groups.
    // At most 400.
    assert_eq!(request.finish()[32..36], (4 + 4 + 256 + 12_u32).to_be_bytes());
}
