use super::*;

fn host(folder: &Path) -> Host {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    Host::new(Service::Gateway, listener, folder.to_owned())
}

fn claim(run: &str, is_drill: bool) -> LeaseRequest {
    LeaseRequest {
        run: run.to_owned(),
        is_drill,
    }
}

async fn news(host: &Host, run: &str, after: u64) -> Result<News, Denied> {
    let request = NewsRequest {
        run: run.to_owned(),
        after,
        ends: 0,
    };
    host.news(&request, Duration::ZERO).await
}

#[tokio::test]
async fn one_run_has_the_manager_and_only_a_shop_without_incident_is_asked_to_give_way() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let host = host(folder.path());
    host.lease(&claim("up", false)).expect("it is free");
    host.lease(&claim("up", false))
        .expect("the same run may ask again");
    let denied = host.lease(&claim("up-2", false));
    assert!(matches!(denied, Err(Denied::Busy(run)) if run == "up"));
    assert!(!news(&host, "up", 0).await.expect("news").is_wanted);
    assert!(host.lease(&claim("drill", true)).is_err());
    assert!(news(&host, "up", 0).await.expect("news").is_wanted);
    host.release("up").await.expect("it has it");
    assert!(matches!(news(&host, "up", 0).await, Err(Denied::NoLease)));

    host.lease(&claim("drill", true)).expect("it is free again");
    assert!(host.lease(&claim("drill-2", true)).is_err());
    assert!(!news(&host, "drill", 0).await.expect("news").is_wanted);
}

#[tokio::test]
async fn a_run_s_databases_go_with_its_lease_and_leavings_with_the_next() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let host = host(folder.path());
    std::fs::create_dir_all(folder.path().join("killed")).expect("a folder");
    std::fs::create_dir_all(folder.path().join(CACHE)).expect("a folder");
    host.lease(&claim("run", true)).expect("it is free");
    assert!(!folder.path().join("killed").exists());
    std::fs::create_dir_all(host.scratch("run")).expect("a folder");
    host.end(Duration::ZERO).await;
    assert!(!host.scratch("run").exists());
    assert!(folder.path().join(CACHE).exists());
    for name in ["", "..", "a/b", "a b"] {
        let denied = host.lease(&claim(name, true));
        assert!(matches!(denied, Err(Denied::Invalid(_))), "`{name}`");
    }
}

#[tokio::test]
async fn lines_are_told_once_and_counted_when_they_had_to_go() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let host = host(folder.path());
    host.lease(&claim("run", true)).expect("it is free");
    for number in 0..3 {
        host.lines.line(&number.to_string());
    }
    let first = news(&host, "run", 0).await.expect("news");
    assert_eq!((first.next, first.lines.len(), first.lost), (3, 3, 0));
    host.lines.line("3");
    let second = news(&host, "run", first.next).await.expect("news");
    assert_eq!((second.next, &*second.lines), (4, &["3".to_owned()][..]));
    let nothing = news(&host, "run", second.next).await.expect("news");
    assert_eq!((nothing.next, nothing.lines.len()), (4, 0));

    for number in 0..=MOST_LINES {
        host.lines.line(&number.to_string());
    }
    let rest = news(&host, "run", nothing.next).await.expect("news");
    assert_eq!((rest.lines.len(), rest.lost), (MOST_LINES, 1));
    let long = "x".repeat(MOST_BYTES / 2);
    for _ in 0..3 {
        host.lines.line(&long);
    }
    let rest = news(&host, "run", rest.next).await.expect("news");
    assert_eq!((rest.lines.len(), rest.lost), (2, 1));
}

#[tokio::test]
async fn only_variables_of_telemetry_can_be_set_remotely() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let host = Arc::new(host(folder.path()));
    host.lease(&claim("run", true)).expect("it is free");
    let request = StartRequest {
        run: "run".to_owned(),
        instance: "gateway-1".to_owned(),
        environment: vec![("LD_PRELOAD".to_owned(), "/tmp/x.so".to_owned())],
        config: serde_json::Value::Null,
        ready_within_ms: 1,
    };
    let denied = host.start(request).await;
    assert!(matches!(denied, Err(Denied::Invalid(message)) if message.contains("LD_PRELOAD")));
}
