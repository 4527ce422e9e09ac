//! Reminders of long-running apps.

use jiff::{SignedDuration, Timestamp};

use efs_scan_testbed::aws::{App, Fault, What};

use super::*;

const STUDIO: &str = "d-abcdef123456";

/// Configuration of these tests, with the defaults.
const APPS: &str = "names = ['sagemaker:studio']\n";

/// Makes an app that was created that many hours and a minute ago.
fn app(profile: Option<&str>, space: Option<&str>, kind: &str, on: &str, hours: i64) -> App {
    let created = Timestamp::now() - SignedDuration::from_mins(60 * hours + 1);
    App {
        user_profile: profile.map(str::to_owned),
        space: space.map(str::to_owned),
        creation_time: created.as_second() as f64,
        ..App::of("", kind, on)
    }
}

/// Makes a domain, without a published run: alice, bob and zoe, alice's space train, her shared
/// space lab, and team, which belongs to nobody.
fn studio() -> World {
    let world = World::empty();
    world.configure(&format!("{APPS}{CONFIG}"));
    world.aws.domain(STUDIO, "studio");
    for (name, uid) in [("alice", 200_005), ("bob", 200_006), ("zoe", 200_008)] {
        world.aws.profile(STUDIO, name, Some(uid));
    }
    world.aws.private_space(STUDIO, "train", Some(200_005), "alice");
    world.aws.owned_space(STUDIO, "lab", "alice");
    world.aws.space(STUDIO, "team", Some(200_011));
    world
}

/// Makes the same domain with running apps: three of alice's, two of bob's and one of the team's
/// run too long.
fn running() -> World {
    let world = studio();
    for app in [
        app(Some("alice"), None, "JupyterServer", "system", 9000),
        app(None, Some("train"), "JupyterLab", "ml.g5.xlarge", 9 * 24),
        app(None, Some("lab"), "CodeEditor", "ml.t3.medium", 6 * 24),
        app(Some("alice"), None, "KernelGateway", "ml.x9.large", 30),
        app(Some("bob"), None, "KernelGateway", "ml.t3.medium", 8 * 24),
        App {
            app_name: "other-image".to_owned(),
            ..app(Some("bob"), None, "KernelGateway", "ml.t3.medium", 7 * 24)
        },
        app(Some("zoe"), None, "KernelGateway", "ml.t3.large", 4 * 24),
        app(Some("zoe"), None, "JupyterLab", "ml.m5.large", 23),
        App {
            status: "Deleted".to_owned(),
            ..app(Some("zoe"), None, "CodeEditor", "ml.g5.xlarge", 900)
        },
        App {
            status: "Pending".to_owned(),
            ..app(Some("zoe"), None, "TensorBoard", "ml.g5.xlarge", 900)
        },
        app(None, Some("team"), "JupyterLab", "ml.m5.large", 26),
    ] {
        world.aws.app(STUDIO, app);
    }
    world
}

/// Runs `efs-scan remind --only apps` without a destination.
fn only_apps(world: &World, args: &[&str], code: i32) -> Output {
    let mut command = world.command();
    command.env_remove("EFS_SCAN_PUBLISH").args(["remind", "--only", "apps"]).args(args);
    let output = watched(&mut command, Duration::from_secs(120));
    assert_eq!(output.status.code(), Some(code), "{}{}", stdout(&output), stderr(&output));
    assert!(world.aws.violations().is_empty(), "{:?}", world.aws.violations());
    output
}

fn dry(world: &World, args: &[&str]) -> String {
    stdout(&only_apps(world, &[&["--dry-run"], args].concat(), 0))
}

/// Returns the recipients in a preview.
fn to(preview: &str) -> Vec<&str> {
    let to = preview.lines().filter_map(|line| line.strip_prefix("To: "));
    to.filter(|to| *to != "storage@example.com").collect()
}

#[test]
fn a_dry_run_needs_no_published_run_and_prints_every_letter() {
    let world = running();
    let text = dry(&world, &[]);
    let now = Timestamp::now();
    let line = |line: &str| match line.strip_prefix("Apps on SageMaker Studio, as of ") {
        Some(_) => "Apps on SageMaker Studio, as of [TIME].".to_owned(),
        None => line.replace(&now.strftime("%Y-%m-%d").to_string(), "[DAY]"),
    };
    let stable: Vec<String> = text.lines().map(line).collect();
    insta::assert_snapshot!("apps", stable.join("\n"));
    assert!(!world.state().exists(), "it needs no state directory");
    assert!(world.aws.mails().is_empty());
    assert_eq!(world.aws.count("SageMaker", "DescribeUserProfile"), 0, "no uid is needed");
}

#[test]
fn each_owner_gets_one_letter_a_week_and_the_administrator_a_copy_if_asked() {
    let world = running();
    let preview = dry(&world, &[]);
    let said = stderr(&only_apps(&world, &[], 0));
    assert!(said.contains("reminded sent=2 refused=0 unsure=0 waiting=0 untold=1"), "{said}");
    assert_eq!(world.reminded(), ["alice@example.com", "bob@example.com"]);
    for mail in world.aws.mails() {
        let printed = format!("Subject: {}\n\n{}\n", mail.subject, mail.text);
        assert!(preview.contains(&printed), "{preview}\n{printed}");
        assert_eq!(mail.copy_to, None);
    }
    assert!(world.summaries()[0].contains("space team"), "{:?}", world.summaries());
    world.configure(&format!("{APPS}{CONFIG}apps_copy = true\n"));
    // Moves the ledger's times instead of the clock.
    let path = world.ledger();
    let age = |days: i64| {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut ledger: Value = serde_json::from_str(&text).unwrap();
        let at = (Timestamp::now() - SignedDuration::from_hours(24 * days)).to_string();
        for address in ["alice@example.com", "bob@example.com"] {
            ledger["people"][address]["*"]["apps"]["at"] = at.as_str().into();
        }
        for (_, listed) in ledger["listed"].as_object_mut().unwrap() {
            *listed = at.as_str().into();
        }
        std::fs::write(&path, ledger.to_string()).unwrap();
    };
    for days in [0, 6] {
        age(days);
        only_apps(&world, &[], 0);
        assert_eq!((world.reminded().len(), world.summaries().len()), (2, 1), "{days} days");
        let preview = dry(&world, &[]);
        assert!(preview.contains("alice@example.com, apps that run for long, was told on"));
    }
    age(7);
    only_apps(&world, &[], 0);
    assert_eq!((world.reminded().len(), world.summaries().len()), (4, 2));
    let copies: Vec<_> = world.aws.mails().iter().filter_map(|mail| mail.copy_to.clone()).collect();
    assert_eq!(copies, ["storage@example.com"; 2]);
}

#[test]
fn thresholds_and_prices_are_those_of_the_configuration() {
    let world = running();
    let configured = |more: &str| {
        world.configure(&format!("{APPS}{CONFIG}{more}"));
        dry(&world, &[])
    };
    let text = configured("[remind.apps]\n'ml.m5.*' = '12h'\n'ml.t3.large' = '4d'\n");
    assert_eq!(to(&text), ["zoe@example.com"], "{text}");
    assert!(text.contains("KernelGateway default on ml.t3.large: since 4 days, about 9.60 USD"));
    let text = configured("[remind.apps]\n'*' = '1h'\n'ml.t3.*' = 'never'\n'ml.g5.*' = '2w'\n");
    assert_eq!(to(&text), ["alice@example.com", "zoe@example.com"], "{text}");
    assert!(!text.contains("ml.g5.xlarge"), "{text}");
    let text = configured("[remind.apps]\n[remind.prices]\n'ml.x9.large' = 2\n");
    assert!(text.contains("on ml.x9.large: since 30 hours, about 60 USD"), "{text}");
    assert!(text.contains("by prices of us-east-1, 2026-07, and of the administrator."), "{text}");
    let text = configured("[remind.prices]\nsource = 'eu-west-1, 2026-10'\n'ml.g5.xlarge' = 1.5\n");
    assert!(text.contains("on ml.g5.xlarge in space train: since 9 days, about 324 USD"), "{text}");
    assert!(text.contains("in space lab: since 6 days\n"), "no other region's price: {text}");
    assert!(text.contains("What they cost is not known here."), "bob's: {text}");
}

#[test]
fn what_is_absurd_is_refused_with_one_line() {
    let world = studio();
    for (more, problem) in [
        ("[remind.apps]\n't3.*' = '5d'\n", "remind.apps: `t3.*` is no pattern"),
        ("[remind.apps]\n'' = '5d'\n", "remind.apps: `` is no pattern"),
        ("[remind.apps]\n\"ml.t3\\n.*\" = '5d'\n", "is no pattern of instance types"),
        ("[remind.apps]\n'*' = 'soon'\n", "remind.apps: `*`: `soon` is no time like 5d"),
        ("[remind.apps]\n'*' = '0d'\n", "`0d` is no time like 5d"),
        ("[remind.apps]\n'*' = 5\n", "line "),
        ("[remind.prices]\n'g5' = 1\n", "remind.prices: `g5` is no instance type"),
        ("[remind.prices]\n'ml.g5.xlarge' = -1\n", "must be from 0 to 100000 USD"),
        (
            "apps_body = '{size}'\n",
            "remind.apps_body: `{size}` is no placeholder; there are {name}",
        ),
        ("apps_subject = '{apps}'\n", "`{apps}` has several lines, a subject has one"),
    ] {
        world.configure(&format!("{APPS}{CONFIG}{more}"));
        let said = stderr(&only_apps(&world, &["--dry-run"], 2));
        assert!(said.contains(problem) && said.lines().count() == 1, "{problem}: {said}");
    }
    world.configure(CONFIG);
    let said = stderr(&only_apps(&world, &[], 2));
    assert!(said.contains("reminders of apps need a domain"), "{said}");
    assert!(world.aws.requests().is_empty());
}

#[test]
fn homes_and_apps_are_two_messages_and_neither_waits_for_the_other() {
    let world = running();
    file(&world.root(), "200005/.local/share/Trash/files/a", 1_500_000);
    world.publish();
    // Without the table, nobody is reminded of apps.
    assert_eq!(to(&world.preview(0)), ["alice@example.com"]);
    world.configure(&format!("{APPS}{CONFIG}[remind.apps]\n"));
    let both = ["alice@example.com", "alice@example.com", "bob@example.com"];
    assert_eq!(to(&world.preview(0)), both);
    assert_eq!(to(&stdout(&world.remind(&["--dry-run", "--only", "homes"], 0))), both[..1]);
    for (user, want) in [("alice", &both[..2]), ("bob", &both[2..]), ("train", &both[1..2])] {
        let shown = stdout(&world.remind(&["--dry-run", "--user", user], 0));
        assert_eq!(to(&shown), want, "{user}: {shown}");
    }
    world.remind(&["--dry-run", "--user", "eve"], 2);
    // SageMaker does not answer, but reminders of homes are sent.
    world.aws.fault(Fault::new("SageMaker", "ListApps", What::Denied).always());
    let output = world.remind(&["--dry-run"], 1);
    assert_eq!(to(&stdout(&output)), both[..1]);
    assert!(stderr(&output).contains("sagemaker:ListApps"), "{}", stderr(&output));
    assert!(only_apps(&world, &["--dry-run"], 1).stdout.is_empty());
    world.aws.clear_faults();
    // The scan is old, but reminders of apps are sent.
    let old = (Timestamp::now() - SignedDuration::from_hours(50)).to_string();
    world.edit(|report| report["run"]["finished"] = old.as_str().into());
    let output = world.remind(&["--dry-run"], 6);
    assert_eq!(to(&stdout(&output)), both[1..]);
    assert!(stderr(&output).contains("old figures"), "{}", stderr(&output));
    world.remind(&[], 6);
    assert_eq!(world.reminded(), both[1..]);
}

#[test]
fn a_domain_without_an_answer_is_reported_and_the_other_is_reminded_of() {
    let world = running();
    world.aws.domain("d-fedcba654321", "other");
    world.aws.profile("d-fedcba654321", "carol", Some(300_001));
    let long = app(Some("carol"), None, "JupyterLab", "ml.m5.large", 50);
    world.aws.app("d-fedcba654321", long);
    world.configure(&format!("names = ['sagemaker:studio', 'sagemaker:other']\n{CONFIG}"));
    let all = ["alice@example.com", "bob@example.com", "carol@example.com"];
    assert_eq!(to(&dry(&world, &[])), all);
    world.aws.fault(Fault::new("SageMaker", "ListApps", What::Denied));
    let output = only_apps(&world, &["--dry-run"], 3);
    assert_eq!(to(&stdout(&output)), all[2..]);
    assert!(stderr(&output).contains("apps are missing"), "{}", stderr(&output));
}

#[test]
fn people_are_found_by_uid_if_the_configuration_has_uids() {
    let world = running();
    // A map of names before the domain gives people the names in the reports, and bob's address is
    // by uid.
    world.names("200005,asmith\n");
    let names = world.scratch.path().join("names.csv");
    let names = format!("names = ['csv:{}', 'sagemaker:studio']\n", names.display());
    let address = "[remind.addresses]\n200006 = 'robert@example.com'\nteam = 'team@example.com'\n";
    world.configure(&format!("{names}{CONFIG}{address}"));
    let text = dry(&world, &[]);
    let want = ["asmith@example.com", "robert@example.com", "team@example.com"];
    assert_eq!(to(&text), want, "{text}");
    assert_eq!(world.aws.count("SageMaker", "DescribeUserProfile"), 2, "one for each owner");
    assert_eq!(to(&dry(&world, &["--user", "200006"])), want[1..2]);
    // Without the uid, a message could go to somebody else.
    world.aws.fault(Fault::new("SageMaker", "DescribeUserProfile", What::Denied).always());
    let output = only_apps(&world, &["--dry-run"], 3);
    assert_eq!(to(&stdout(&output)), [""; 0]);
    assert!(stderr(&output).contains("sagemaker:DescribeUserProfile"), "{}", stderr(&output));
}

#[test]
fn names_cannot_add_lines_or_addresses() {
    let world = studio();
    let hostile = "x\r\nBcc: eve@example.com\u{202e}";
    for (profile, space) in [(Some("alice"), None), (Some(hostile), None), (None, Some(hostile))] {
        let mut app = app(profile, space, "JupyterLab", hostile, 900);
        app.app_name = hostile.to_owned();
        world.aws.app(STUDIO, app);
    }
    // RStudio's shared app has no owner.
    world.aws.app(STUDIO, app(Some("domain-shared"), None, "RStudioServerPro", "ml.c5.large", 90));
    let text = dry(&world, &[]);
    assert_eq!(to(&text), ["alice@example.com"], "{text}");
    assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
    only_apps(&world, &[], 0);
    assert_eq!(world.reminded(), ["alice@example.com"]);
}
