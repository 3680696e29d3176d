//! Pointers to heap snapshots.

use grader::evidence::Snapshot;

use crate::stub::{CHANGE, PAGE, STARTED, world};
use crate::{check, profile};

#[tokio::test]
async fn heap_names_stay_inside_the_run_folder() {
    let world = world().await;
    let meta = |name: &str| Snapshot {
        name: name.to_owned(),
        service: "inventory".to_owned(),
        instance: "inventory-1".to_owned(),
        release: "2026.11.8".to_owned(),
        at: PAGE,
        executable: std::env::current_exe().expect("a test has one"),
    };
    world
        .sources
        .snapshots
        .save(&meta("early"), b"no profile")
        .expect("the name is plain");
    world
        .sources
        .snapshots
        .save(&meta("late"), b"no profile")
        .expect("the name is plain");
    assert!(
        world
            .sources
            .snapshots
            .save(&meta("late"), b"again")
            .is_err(),
        "a snapshot is never replaced"
    );
    assert!(
        world.sources.snapshots.save(&meta("../late"), b"").is_err(),
        "a name is not a path"
    );
    check(
        &world,
        &[
            (
                "heap:early..late",
                "failed: not a heap profile in pprof format",
            ),
            (
                "heap:early..never",
                "failed: this run has no heap snapshot `never`",
            ),
            (
                "heap:../../../etc/passwd..late",
                "malformed: name two snapshots",
            ),
            (
                "heap:early..../etc/passwd",
                "failed: `../etc/passwd` is not a snapshot name",
            ),
            (
                "heap:/etc/passwd..late",
                "failed: `/etc/passwd` is not a snapshot name",
            ),
        ],
    )
    .await;
}

#[tokio::test]
async fn heap_growth_shows_when_one_function_gained_enough() {
    let world = world().await;
    let save = |name: &str, service: &str, at, bytes: u64| {
        let meta = Snapshot {
            name: name.to_owned(),
            service: service.to_owned(),
            instance: format!("{service}-1"),
            release: "2026.11.8".to_owned(),
            at,
            executable: std::env::current_exe().expect("a test has one"),
        };
        let bytes = profile::profile("gateway::session::Sessions::remember", bytes);
        world
            .sources
            .snapshots
            .save(&meta, &bytes)
            .expect("the name is plain");
    };
    save("early", "gateway", CHANGE, 2_000_000);
    save("late", "gateway", PAGE, 42_000_000);
    save("later", "gateway", PAGE, 42_100_000);
    save("calm", "gateway", STARTED, 1_000_000);
    save("other", "checkout", PAGE, 42_000_000);
    check(&world, &[
        ("heap:early..late => 40MB", "shows: gateway went from 1.91 MiB to 40.1 MiB, most of it 38.1 MiB in gateway::session::Sessions::remember; the value; gateway heap: gateway::session::Sessions::remember: 38.1 MiB more in it"),
        ("heap:late..later", "failed: `late` is not older than `later`"),
        ("heap:late..early", "failed: `late` is not older than `early`"),
        ("heap:early..other", "failed: `early` and `other` are snapshots of different services"),
        ("heap:calm..late => 1GB", "shows: gateway went from 977 KiB to 40.1 MiB, most of it 39.1 MiB in gateway::session::Sessions::remember; not the value"),
    ])
    .await;
}
