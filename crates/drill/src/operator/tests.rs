//! An operator of a shop that is made of a list of what was done to it.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use record::{DEPLOYS, Deploy, DeployKind, GAME_MASTER, RESPONDER, SettingChange};
use scenario::Outside;
use serde_json::{Value, json};
use shop_api::Service;
use stack::fleet::halfway::Halfway;
use tokio::sync::Semaphore;

use super::Operator;
use crate::api::{Action, Failure};
use crate::deploy_log::DeployLog;
use crate::gate::Gate;
use crate::shop::Shop;

/// What was done, one text each; `permits` are taken by each deploy.
struct Paper {
    done: Mutex<Vec<String>>,
    count: u64,
    permits: Semaphore,
}

impl Paper {
    fn note(&self, what: String) {
        self.done.lock().expect("no panic").push(what);
    }

    fn done(&self) -> Vec<String> {
        self.done.lock().expect("no panic").clone()
    }
}

impl Shop for Paper {
    async fn deploy(&self, service: Service, release: &str, only: &[String]) -> anyhow::Result<()> {
        self.permits.acquire().await?.forget();
        self.note(format!("deploy {service} {release} {only:?}"));
        Ok(())
    }

    async fn restart(&self, service: Service) -> anyhow::Result<()> {
        self.note(format!("restart {service}"));
        Ok(())
    }

    fn release_changes(
        &self,
        _: Service,
        before: &str,
        after: &str,
    ) -> anyhow::Result<Vec<SettingChange>> {
        Ok(vec![change("release", before, after)])
    }

    async fn push(
        &self,
        _: Service,
        _: &str,
        settings: Value,
    ) -> anyhow::Result<Vec<SettingChange>> {
        self.note(format!("push {settings}"));
        Ok(vec![change("pushed", "no", "yes")])
    }

    async fn set(
        &self,
        service: Service,
        _: &str,
        settings: &BTreeMap<String, String>,
    ) -> anyhow::Result<Vec<SettingChange>> {
        let changes = settings
            .iter()
            .map(|(key, value)| change(key, "old", value));
        self.note(format!("set {service}"));
        Ok(changes
            .filter(|change| change.before != change.after)
            .collect())
    }

    async fn unset(&self, _: Service, _: &str, _: &[String]) -> anyhow::Result<Vec<SettingChange>> {
        Ok(Vec::new())
    }

    async fn control(
        &self,
        service: Service,
        name: &str,
        arguments: &Value,
    ) -> anyhow::Result<u64> {
        let given = match arguments.as_object() {
            Some(none) if none.is_empty() => String::new(),
            _ => format!(" {arguments}"),
        };
        self.note(format!("{name} {service}{given}"));
        Ok(self.count)
    }

    async fn set_blocked(&self, client: &str, is_blocked: bool) -> anyhow::Result<bool> {
        self.note(format!("block {client} {is_blocked}"));
        Ok(self.count > 0)
    }

    async fn scale(&self, _: Service, replicas: usize) -> anyhow::Result<usize> {
        self.note(format!("scale {replicas}"));
        Ok(2)
    }

    async fn configure_outside(&self, what: Outside, settings: &Value) -> anyhow::Result<()> {
        self.note(format!("{what:?} {settings}"));
        Ok(())
    }
}

fn change(key: &str, before: &str, after: &str) -> SettingChange {
    SettingChange {
        key: key.to_owned(),
        before: json!(before),
        after: json!(after),
    }
}

/// Two releases of each service are in the log; controls count to `count`.
fn operator(count: u64) -> Operator<Paper> {
    let deploys = DeployLog::default();
    for release in ["1", "2"] {
        for service in Service::ALL {
            deploys.record(Deploy {
                id: String::new(),
                service: service.to_string(),
                release: release.to_owned(),
                at: time::OffsetDateTime::UNIX_EPOCH,
                role: "engineer".to_owned(),
                summary: format!("change {release}"),
                kind: DeployKind::Deploy,
                diff: String::new(),
                changes: Vec::new(),
                command: None,
            });
        }
    }
    Operator {
        shop: Paper {
            done: Mutex::default(),
            count,
            permits: Semaphore::new(8),
        },
        deploys,
    }
}

const SERVICE: Service = Service::Inventory;

#[tokio::test]
async fn what_swaps_processes_is_done_and_logged_as_what_runs_after_it() {
    let release = "1".to_owned();
    for (action, kind, done) in [
        (
            Action::Rollback { service: SERVICE },
            DeployKind::Rollback,
            "deploy inventory 1 []",
        ),
        (
            Action::Deploy {
                service: SERVICE,
                release,
            },
            DeployKind::Deploy,
            "deploy inventory 1 []",
        ),
        (
            Action::Restart { service: SERVICE },
            DeployKind::Restart,
            "restart inventory",
        ),
    ] {
        let operator = operator(1);
        let performed = operator.perform(&action, RESPONDER).await;
        let (change, entry) = performed.expect("it can be done");
        let entry = entry.expect("something changed");
        assert_eq!(operator.shop.done(), [done]);
        assert_eq!((change.action, entry.kind), (kind, kind));
        assert_eq!(change.id.as_ref(), Some(&entry.id));
        assert_eq!((change.count, change.note), (None, None));
        assert_eq!(entry.command, Some(action.what()));
        assert_eq!(operator.deploys.entries().last(), Some(&entry));
    }
}

#[tokio::test]
async fn what_changes_nothing_is_not_logged_and_says_so() {
    let actions = [
        Action::Flush { service: SERVICE },
        Action::Skip {},
        Action::Replay {},
        Action::Revert {},
        Action::Block {
            client: "a".to_owned(),
        },
        Action::Unset {
            service: SERVICE,
            keys: vec!["cache.capacity".to_owned()],
        },
        Action::Scale {
            service: SERVICE,
            replicas: 2,
        },
    ];
    for action in actions {
        let operator = operator(0);
        let logged = operator.deploys.entries().len();
        let performed = operator.perform(&action, RESPONDER).await;
        let (change, entry) = performed.expect("it can be asked for");
        assert_eq!((change.count, change.id, entry), (Some(0), None, None));
        assert!(
            change.note.is_some_and(|note| !note.is_empty()),
            "{action:?}"
        );
        assert_eq!(operator.deploys.entries().len(), logged, "{action:?}");
    }
}

#[tokio::test]
async fn what_changes_something_is_counted_and_logged_under_the_release_that_runs() {
    let set = [("a", "old"), ("b", "new")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let set = Action::Set {
        service: SERVICE,
        settings: set.into(),
    };
    for (action, summary) in [
        (Action::Flush { service: SERVICE }, "flushed 3 entries"),
        (Action::Replay {}, "moved 3 dead letters back to the outbox"),
        (
            Action::Revert {},
            "restored 3 prices from before the last import",
        ),
        (set, "b = \"new\""),
        (
            Action::Scale {
                service: SERVICE,
                replicas: 3,
            },
            "scaled from 2 to 3 replicas",
        ),
    ] {
        let operator = operator(3);
        let performed = operator.perform(&action, RESPONDER).await;
        let (change, entry) = performed.expect("it can be done");
        let entry = entry.expect("something changed");
        assert_eq!(
            (entry.summary.as_str(), entry.release.as_str()),
            (summary, "2")
        );
        assert_eq!(change.note.as_deref(), Some(summary));
    }
}

#[tokio::test]
async fn what_cannot_be_done_is_refused_before_anything_is_done() {
    for (action, expected) in [
        (
            Action::Deploy {
                service: SERVICE,
                release: "9".to_owned(),
            },
            "`inventory` has no release `9`; its releases are 1, 2",
        ),
        (
            Action::Flush {
                service: Service::Checkout,
            },
            "`checkout` has no cache",
        ),
        (
            Action::Scale {
                service: Service::Gateway,
                replicas: 2,
            },
            "`gateway` cannot be scaled: there is no load balancer in front of it",
        ),
        (
            Action::Scale {
                service: SERVICE,
                replicas: 9,
            },
            "cannot run 9 replicas",
        ),
    ] {
        let operator = operator(1);
        let refused = operator.perform(&action, RESPONDER).await;
        let error = refused.expect_err("it is refused");
        let failure = error.downcast_ref::<Failure>().expect("in words");
        assert_eq!(failure.message, expected);
        assert_eq!(operator.shop.done(), Vec::<String>::new());
    }
}

#[tokio::test]
async fn only_what_the_responder_does_is_an_action() {
    let operator = operator(1);
    let rollback = Action::Rollback { service: SERVICE };
    let performed = operator.perform(&rollback, GAME_MASTER).await;
    performed.expect("it can be done");
    assert_eq!(operator.deploys.actions(), Vec::new());
    let restart = Action::Restart { service: SERVICE };
    let performed = operator.perform(&restart, RESPONDER).await;
    performed.expect("it can be done");
    let actions = operator.deploys.actions();
    let whats: Vec<&str> = actions.iter().map(|action| action.what.as_str()).collect();
    assert_eq!(whats, ["restart inventory"]);
}

#[tokio::test]
async fn an_action_that_cannot_be_recorded_is_refused_and_not_done() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = DEPLOYS.path(folder.path());
    let with_log = || {
        let deploys = DeployLog::new(DEPLOYS.open(folder.path()).expect("it opens"));
        let all = operator(1);
        for entry in all.deploys.entries() {
            deploys.record(entry);
        }
        Operator {
            shop: all.shop,
            deploys,
        }
    };
    let flush = Action::Flush { service: SERVICE };
    // Opens like any file, and has no room.
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    let full = with_log();
    std::fs::remove_file(&path).expect("a link");
    let removed = with_log();
    std::fs::remove_file(&path).expect("a log");
    for (what, operator) in [("a full disk", &full), ("a removed log", &removed)] {
        let refused = operator.perform(&flush, RESPONDER).await;
        let error = refused.expect_err(what).downcast::<Failure>();
        let message = error.expect("in words").message;
        let begins = "not done, because it cannot be recorded: `deploys.jsonl`: ";
        assert!(message.starts_with(begins), "{what}: {message}");
        assert!(operator.shop.done().is_empty(), "{what}");
        assert!(operator.deploys.actions().is_empty(), "{what}");
    }
    let operator = with_log();
    let performed = operator.perform(&flush, RESPONDER).await;
    performed.expect("it can be recorded");
    let logged = DEPLOYS.read(folder.path()).expect("a log");
    assert_eq!(logged.len(), operator.deploys.entries().len());
    assert!(logged.last().is_some_and(|entry| entry.command.is_some()));
}

#[tokio::test]
async fn a_step_of_the_timeline_is_logged_before_its_rollout_and_pushes_before_its_entry() {
    let mut seen = Vec::new();
    // One of these seeds draws a configuration change as well.
    for seed in 0..8 {
        let operator = operator(1);
        let scenario = scenario::catalogue::load_for("error-spike", seed).expect("it is valid");
        let mut kinds = Vec::new();
        for event in &scenario.timeline {
            let before = operator.shop.done().len();
            let entry = operator.begin(&event.action, &scenario).await;
            let begun = operator.shop.done().len() - before;
            if let Some(entry) = entry.expect("a step of the scenario") {
                assert_eq!(begun, usize::from(entry.kind == DeployKind::Config));
                assert_eq!(entry.command, None);
                kinds.push(entry.kind);
            }
            let completed = operator.complete(&event.action).await;
            completed.expect("a step of the scenario");
        }
        assert_eq!(operator.shop.done().len(), kinds.len());
        seen.extend(kinds);
    }
    assert!(seen.contains(&DeployKind::Deploy) && seen.contains(&DeployKind::Config));
}

#[tokio::test]
async fn orders_from_elsewhere_are_handed_to_checkout_and_are_in_no_log_of_deploys() {
    let operator = operator(1);
    let scenario = scenario::catalogue::load("deliveries-stop").expect("it is valid");
    let import = &scenario.change().expect("an incident").action;
    let entries = operator.deploys.entries().len();
    let entry = operator.begin(import, &scenario).await;
    assert_eq!(entry.expect("a step of the scenario"), None);
    assert_eq!(operator.shop.done(), Vec::<String>::new());
    let completed = operator.complete(import).await;
    completed.expect("a step of the scenario");
    let done = operator.shop.done().join("\n");
    let expected = r#"outbox-import checkout {"orders":[{"message":"{\"reservation\":\"ph-20413\""#;
    assert!(done.starts_with(expected), "{done}");
    assert_eq!(operator.deploys.entries().len(), entries);
}

/// The race of an action with a submission from another terminal.
#[test]
fn an_action_under_way_is_in_the_log_before_a_write_up_is_graded() {
    let (gate, operator) = (Gate::default(), operator(1));
    operator.shop.permits.forget_permits(8);
    let mut context = Context::from_waker(Waker::noop());
    let rollback = Action::Rollback { service: SERVICE };
    let mut acting = pin!(async {
        let _under_way = gate.act()?;
        operator.perform(&rollback, RESPONDER).await
    });
    assert!(acting.as_mut().poll(&mut context).is_pending());
    let mut grading = pin!(async {
        let turn = gate.grade().await;
        turn.map(|_turn| operator.deploys.actions())
    });
    assert!(
        grading.as_mut().poll(&mut context).is_pending(),
        "the action is not finished"
    );
    assert!(gate.act().is_err(), "another one is refused");
    operator.shop.permits.add_permits(1);
    assert!(matches!(
        acting.as_mut().poll(&mut context),
        Poll::Ready(Ok(_))
    ));
    let Poll::Ready(Ok(actions)) = grading.as_mut().poll(&mut context) else {
        panic!("nothing is under way any more");
    };
    assert_eq!(actions[0].what, "rollback inventory");
}

#[tokio::test]
async fn what_failed_half_way_is_logged_with_what_was_done_and_is_no_action() {
    let operator = operator(1);
    let before = operator.deploys.entries().len();
    let failed = |done: &[&str]| -> anyhow::Error {
        let error = anyhow::anyhow!("admin port of `inventory-2`");
        match done {
            [] => error,
            done => Halfway {
                done: done.iter().map(|one| (*one).to_owned()).collect(),
                error,
            }
            .into(),
        }
    };
    let check = |action: Action, done: &[&str], expected: Option<(DeployKind, &str)>| {
        let entry = operator.half_done(&action, RESPONDER, &failed(done));
        let entry = entry.expect("a service that runs");
        let seen = entry.as_ref().map(|one| (one.kind, one.summary.as_str()));
        assert_eq!(seen, expected);
        let logged = entry.is_none_or(|one| {
            (one.release.as_str(), one.role.as_str()) == ("2", RESPONDER) && one.command.is_none()
        });
        assert!(logged, "{action:?}");
    };
    let flush = || Action::Flush { service: SERVICE };
    check(flush(), &[], None);
    check(
        flush(),
        &["inventory-1"],
        Some((
            DeployKind::Flush,
            "`flush inventory` was not completed: it was done to inventory-1, and then failed: \
             admin port of `inventory-2`",
        )),
    );
    let restart = Action::Restart { service: SERVICE };
    check(
        restart,
        &["inventory-1"],
        Some((
            DeployKind::Restart,
            "`restart inventory` was not completed: it was done to inventory-1, and then failed: \
             admin port of `inventory-2`",
        )),
    );
    assert_eq!(operator.deploys.entries().len(), before + 2);
    assert_eq!(operator.deploys.actions(), Vec::new());
}
