use super::*;

fn partition() -> Partition {
    let answer = ExchangeIdResult {
        client: 7,
        sequence: 1,
        flags: 0,
        server: b"server",
        minor: 0,
        scope: b"scope",
        implementation: None,
    };
    Partition::new(0, &answer)
}

#[test]
fn an_orphan_added_during_a_destroy_is_kept() {
    let mut partition = partition();
    partition.add_orphan([1; 16]);
    assert_eq!(partition.orphan(), Some([1; 16]));
    partition.add_orphan([2; 16]);
    // The first one's reply arrives.
    partition.orphan_destroyed();
    assert_eq!(partition.orphan(), Some([2; 16]));
    partition.orphan_destroyed();
    assert_eq!(partition.orphan(), None);
}

#[test]
fn a_doubted_client_id_is_not_missed_until_it_is_recognized() {
    let mut partition = partition();
    partition.session_created();
    partition.add_orphan([1; 16]);
    assert!(partition.is_missed());
    partition.doubt();
    assert!(!partition.is_missed());
    partition.recognized();
    assert!(partition.is_missed());
    assert_eq!(partition.orphan(), Some([1; 16]), "it still has its sessions");
}
