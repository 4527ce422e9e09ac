//! Messages that SES refuses, and messages with an unknown outcome.

use super::*;
use efs_scan_testbed::aws::{Fault, What};

#[test]
fn a_refused_recipient_is_reported_and_the_others_are_reminded() {
    let world = World::new();
    world.aws.reject_mail_to("alice@example.com");
    let output = world.remind(&[], 5);
    let said = stderr(&output);
    let line = "SES SendEmail to alice@example.com: MessageRejected: Email address is not verified";
    assert!(said.contains(line), "{said}");
    assert_eq!(world.reminded(), ["bob@example.com"]);
    let summaries = world.summaries();
    assert_eq!(summaries.len(), 1, "one summary");
    let section = summaries[0].split("Refused by SES").nth(1).unwrap();
    assert!(section.contains("  alice@example.com: SES SendEmail to alice@"), "{section}");
    assert!(summaries[0].contains("200007"), "with the orphan");
    // The next run tries again with the same message; the orphan home was already listed this week.
    world.remind(&[], 5);
    assert_eq!(world.reminded(), ["bob@example.com"]);
    let summaries = world.summaries();
    assert!(summaries.len() == 2 && !summaries[1].contains("200007"), "{summaries:?}");
    world.aws.reject_no_mail();
    world.remind(&[], 0);
    assert_eq!(world.reminded(), ["bob@example.com", "alice@example.com"]);
    assert_eq!(world.summaries().len(), 2);
}

#[test]
fn a_summary_that_is_refused_is_tried_again() {
    let world = World::new();
    world.aws.reject_mail_to("storage@example.com");
    let said = stderr(&world.remind(&[], 5));
    assert!(said.contains("SES SendEmail to storage@example.com: MessageRejected"), "{said}");
    assert_eq!(world.reminded().len(), 2);
    world.aws.reject_no_mail();
    world.remind(&[], 0);
    assert!(world.summaries()[0].contains("200007"));
    assert_eq!(world.reminded().len(), 2);
}

/// An error that applies to all recipients: nobody is recorded as reminded.
#[test]
fn nobody_is_recorded_if_the_service_refuses_everything() {
    let refusals = [
        (What::Denied, "it needs ses:SendEmail on the identity of the sender"),
        (What::Expired, "the AWS credentials have expired"),
        (What::Throttle, "TooManyRequestsException: Maximum sending rate exceeded"),
    ];
    at_once(refusals, |(what, line)| {
        let world = World::crowd(3);
        world.aws.fault(Fault::new("SES", "SendEmail", what.clone()).always());
        let said = stderr(&world.remind(&[], 5));
        assert!(said.contains(line) && said.contains("3 reminders were not sent"), "{said}");
        assert!(world.aws.mails().is_empty());
        let attempts = world.aws.count("SES", "SendEmail");
        assert!(attempts == if matches!(what, What::Throttle) { 8 } else { 1 }, "{attempts}");
        world.aws.clear_faults();
        world.remind(&[], 0);
        assert_eq!(world.reminded().len(), 3, "{line}");
    });
}

#[test]
fn an_account_that_may_not_send_and_a_service_that_is_away_are_noticed_first() {
    let world = World::crowd(2);
    world.aws.mail_account(false, 1.0);
    let said = stderr(&world.remind(&[], 5));
    assert!(said.contains("SES GetAccount: sending is switched off"), "{said}");
    assert_eq!(world.aws.count("SES", "SendEmail"), 0);
    let mut command = world.command();
    // An unused port.
    let port = {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    command.env("AWS_ENDPOINT_URL_SESV2", format!("http://127.0.0.1:{port}"));
    let output = watched(command.arg("remind"), Duration::from_secs(60));
    assert_eq!(output.status.code(), Some(5), "{}", stderr(&output));
    assert!(stderr(&output).contains("SES GetAccount: no connection"), "{}", stderr(&output));
    assert!(!world.ledger().exists(), "nobody is noted as reminded");
    world.aws.mail_account(true, 1000.0);
    world.remind(&[], 0);
    assert_eq!(world.reminded().len(), 2);
}

#[test]
fn a_message_is_not_sent_again_after_a_lost_answer() {
    for what in [What::DropAfter, What::Reset, What::Truncated] {
        let world = World::crowd(3);
        world.aws.fault(Fault::new("SES", "SendEmail", what).matching("p001"));
        let said = stderr(&world.remind(&[], 5));
        let line = "p001@example.com: it is not known whether the reminder of";
        assert!(said.contains(line), "{said}");
        assert_eq!(world.reminded().len(), 3, "SES took it");
        let section = world.summaries()[0].split("Perhaps sent").nth(1).unwrap().to_owned();
        assert!(section.contains("  p001@example.com, 20"), "{section}");
        world.remind(&[], 0);
        assert_eq!((world.reminded().len(), world.summaries().len()), (3, 1));
    }
}

/// A service that breaks every connection must not use up everybody's reminder.
#[test]
fn after_three_unknown_ends_no_more_are_tried() {
    for what in [What::InternalError, What::DropAfter] {
        let world = World::crowd(8);
        world.aws.fault(Fault::new("SES", "SendEmail", what).times(3));
        let said = stderr(&world.remind(&[], 5));
        assert!(said.contains("5 reminders were not sent"), "{said}");
        assert_eq!(world.aws.count("SES", "SendEmail"), 3);
        let output = world.remind(&[], 5);
        let open = stderr(&output).matches("it is not known whether").count();
        assert_eq!(open, 3, "{}", stderr(&output));
        let first: Vec<_> =
            world.reminded().into_iter().filter(|to| to.as_str() < "p003").collect();
        let rest = world.reminded().len() - first.len();
        assert!(rest == 5 && first.len() <= 3, "nobody twice: {:?}", world.reminded());
        let summary = &world.summaries()[0];
        for name in ["p000", "p001", "p002"] {
            assert!(summary.contains(&format!("  {name}@example.com, 20")), "{summary}");
        }
        world.remind(&[], 0);
        assert_eq!(world.reminded().len(), first.len() + rest);
    }
}
