use super::*;

fn answer(name: &'static str, client: u64, flags: u32) -> ExchangeIdResult<'static> {
    let server = name.as_bytes();
    let (sequence, minor, implementation) = (1, 0, None);
    ExchangeIdResult { client, sequence, flags, server, minor, scope: b"scope", implementation }
}

/// An identity with the client id 5 on the server A, which has created a session.
fn with_session() -> ClientIdentity {
    let mut identity = ClientIdentity::new(1);
    assert_eq!(identity.identify(SHARED_OWNER, &answer("A", 5, 0)), ServerMatch::New(0));
    identity.partitions[0].session_created();
    identity
}

#[test]
fn a_confirmed_client_id_is_shared_and_others_are_new() {
    let mut identity = with_session();
    let mut found = |name, client, flags| identity.identify(0, &answer(name, client, flags));
    assert_eq!(found("A", 5, CONFIRMED_R), ServerMatch::Known(0));
    assert_eq!(found("B", 5, 0), ServerMatch::New(1), "the same number elsewhere");
    assert_eq!(found("A", 6, 0), ServerMatch::New(2), "a namesake, or it has restarted");
    assert_eq!(found("A", 5, CONFIRMED_R), ServerMatch::Known(0), "it was a namesake");
}

#[test]
fn contradictions_are_noticed() {
    let mut identity = with_session();
    let mut found =
        |owner, name, client, flags| identity.identify(owner, &answer(name, client, flags));
    // Confirmed, and not by us.
    assert_eq!(found(0, "A", 9, CONFIRMED_R), ServerMatch::Contradiction);
    assert_eq!(found(0, "B", 5, CONFIRMED_R), ServerMatch::Contradiction);
    // Ours is confirmed, and this one is not.
    assert_eq!(found(0, "A", 5, 0), ServerMatch::Contradiction);
    // Another owner has other client ids.
    assert_eq!(found(1, "A", 5, 0), ServerMatch::New(1));
}

#[test]
fn an_unconfirmed_client_id_is_replaced() {
    let mut identity = ClientIdentity::new(1);
    for client in [5, 6, 6] {
        assert_eq!(identity.identify(0, &answer("A", client, 0)), ServerMatch::New(0));
        assert_eq!(identity.partitions[0].client(), (client, 1));
    }
    // It may be confirmed if the reply to its CREATE_SESSION was lost.
    identity.partitions[0].create_session_lost();
    assert_eq!(identity.identify(0, &answer("A", 7, 0)), ServerMatch::New(1));
    assert!(!identity.partitions[0].is_missed(), "the server would have known it");
    assert_eq!(identity.identify(0, &answer("A", 6, CONFIRMED_R)), ServerMatch::Known(0));
    assert!(identity.partitions[0].is_missed(), "it does know it");
}

#[test]
fn owners_differ_and_the_verifier_does_not() {
    let mut identity = with_session();
    let verifier = identity.verifier();
    let own = identity.own_owner();
    assert_ne!(identity.owner(own), identity.owner(SHARED_OWNER));
    assert_ne!(identity.own_owner(), own);
    assert_eq!(identity.identify(own, &answer("A", 5, CONFIRMED_R)), ServerMatch::Contradiction);
    assert_eq!(identity.verifier(), verifier);
}
