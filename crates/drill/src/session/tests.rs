use super::*;

fn session() -> Session {
    let instance = |service: &str, number: u16| Instance {
        service: service.to_owned(),
        instance: format!("{service}-{number}"),
        public: SocketAddr::from(([127, 0, 0, 1], 4000 + number)),
        admin: SocketAddr::from(([127, 0, 0, 1], 5000 + number)),
        release: "2026.11.3".to_owned(),
        pid: 4712,
    };
    Session {
        run: "20261123-140510-k3v9".to_owned(),
        pid: 4711,
        started: time::macros::datetime!(2026-11-23 14:05:10 UTC),
        control: SocketAddr::from(([127, 0, 0, 1], 4711)),
        token: "secret".to_owned(),
        folder: "/tmp/run".into(),
        urls: Urls {
            gateway: "http://127.0.0.1:8080".to_owned(),
            jaeger: "http://127.0.0.1:16686".to_owned(),
            prometheus: "http://127.0.0.1:9090".to_owned(),
            otlp_grpc: "http://127.0.0.1:4317".to_owned(),
            otlp_http: "http://127.0.0.1:4318".to_owned(),
            console: String::new(),
        },
        services: vec![
            instance("checkout", 1),
            instance("inventory", 1),
            instance("inventory", 2),
        ],
        pace: Pace::Fast,
        scenario: None,
    }
}

fn state() -> (tempfile::TempDir, StateDir) {
    let dir = tempfile::tempdir().expect("temporary folder");
    let state = StateDir(dir.path().join("state"));
    (dir, state)
}

#[test]
fn the_state_folder_is_the_one_asked_for_then_xdg_then_home() {
    fn check(asked: Option<&str>, xdg: Option<&str>, home: Option<&str>, expected: Option<&str>) {
        let env = |name: &str| match name {
            "XDG_STATE_HOME" => xdg.map(PathBuf::from),
            "HOME" => home.map(PathBuf::from),
            _ => None,
        };
        let found = StateDir::locate(asked.map(Path::new), env).ok();
        assert_eq!(found.as_ref().map(StateDir::path), expected.map(Path::new));
    }
    check(Some("/a"), Some("/x"), Some("/h"), Some("/a"));
    check(None, Some("/x"), Some("/h"), Some("/x/firedrill"));
    check(
        None,
        Some("relative"),
        Some("/h"),
        Some("/h/.local/state/firedrill"),
    );
    check(None, None, Some("/h"), Some("/h/.local/state/firedrill"));
    check(None, None, None, None);
}

#[test]
fn a_session_is_found_while_its_runner_holds_the_lock_and_no_longer() {
    let (_dir, state) = state();
    assert!(state.find().expect("find").is_none());
    let lock = state.lock().expect("lock");
    assert!(
        state.find().expect("find").is_none(),
        "nothing is published yet"
    );
    lock.publish(&session()).expect("publish");
    assert_eq!(state.load().expect("load"), session());
    drop(lock);
    let error = state.load().expect_err("nothing runs");
    assert!(
        matches!(error.downcast_ref(), Some(Error::NotRunning { .. })),
        "{error:?}"
    );
}

#[test]
fn a_session_file_of_a_killed_runner_is_ignored() {
    let (_dir, state) = state();
    let lock = state.lock().expect("lock");
    lock.publish(&session()).expect("publish");
    let mark = fs::read(state.path().join("current.json")).expect("mark");
    drop(lock);
    fs::write(state.path().join("current.json"), mark).expect("left over");
    assert!(state.find().expect("find").is_none());
    let _next = state.lock().expect("the next runner gets the place");
}

#[test]
fn a_second_runner_is_refused_and_told_of_the_first() {
    let (_dir, state) = state();
    let lock = state.lock().expect("lock");
    lock.publish(&session()).expect("publish");
    let error = state.lock().expect_err("refused");
    assert_eq!(
        error.to_string(),
        "a drill is already running: 20261123-140510-k3v9, process 4711"
    );
}

#[test]
fn a_state_folder_that_is_not_the_users_alone_is_refused_with_what_to_do() {
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::PermissionsExt as _;
    let other = "name another folder with `--state-dir DIR`";
    let (_dir, state) = state();
    fs::create_dir(state.path()).expect("a folder");
    let said = |error: anyhow::Error| match error.downcast() {
        Ok(Error::StateDir { message, hint }) => {
            format!("{message} | {hint}").replace(&*state.path().to_string_lossy(), "DIR")
        }
        other => panic!("{other:?}"),
    };
    let open = |mode| {
        fs::set_permissions(state.path(), fs::Permissions::from_mode(mode)).expect("a mode");
        said(state.lock().expect_err("it is open to others"))
    };
    let expected = format!(
        "the state folder cannot be used: `DIR`: other users can write into it | {other}, or make this one yours alone (`chown`, `chmod go-w`)"
    );
    assert_eq!(open(0o777), expected);
    assert_eq!(open(0o720), expected);
    fs::set_permissions(state.path(), fs::Permissions::from_mode(0o700)).expect("a mode");
    let made = std::process::Command::new("mkfifo")
        .arg(state.path().join("lock"))
        .status();
    assert!(made.is_ok_and(|status| status.success()), "a pipe");
    let expected = format!(
        "the state folder cannot be used: `DIR/lock`: it is a pipe, not a regular file | {other}, or remove `DIR/lock`"
    );
    assert_eq!(
        said(state.lock().expect_err("a pipe cannot be locked")),
        expected
    );
    assert_eq!(said(state.find().expect_err("nor for readers")), expected);
    for (name, reason) in [
        (&b"/a\xff"[..], "its name is not UTF-8"),
        (
            &[b"/".as_slice(), &[b'x'; 460]].concat(),
            "its name has 461 bytes, and can have 400",
        ),
    ] {
        let asked = Path::new(std::ffi::OsStr::from_bytes(name));
        let error = StateDir::locate(Some(asked), |_| None).expect_err("it cannot be used");
        let expected = format!("the state folder cannot be used: {reason} | {other}");
        assert_eq!(said(error), expected);
    }
}

#[test]
fn a_planted_session_file_receives_no_token() {
    let (dir, state) = state();
    let lock = state.lock().expect("lock");
    let theirs = dir.path().join("theirs");
    fs::write(&theirs, "").expect("a file");
    for name in ["current.json.next", "current.json"] {
        std::os::unix::fs::symlink(&theirs, state.path().join(name)).expect("a link");
        lock.publish(&session()).expect("publish");
        assert_eq!(fs::read(&theirs).expect("a file"), b"", "{name}");
        assert_eq!(state.load().expect("load"), session());
        fs::remove_file(state.path().join("current.json")).expect("the session file");
    }
}

#[test]
fn only_the_owner_can_read_the_session_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_dir, state) = state();
    let lock = state.lock().expect("lock");
    lock.publish(&session()).expect("publish");
    let mode = |path: &Path| fs::metadata(path).expect("metadata").permissions().mode() & 0o777;
    assert_eq!(mode(&state.path().join("current.json")), 0o600);
    assert_eq!(mode(state.path()), 0o700);
}

#[test]
fn a_run_is_named_by_id_by_its_beginning_or_by_folder() {
    let (_dir, state) = state();
    for run in [
        "20261122-090000-aaaa",
        "20261123-090000-bbbb",
        "20261123-100000-cccc",
    ] {
        let folder = state.runs().join(run);
        fs::create_dir_all(&folder).expect("folder");
        fs::write(folder.join("run.json"), "{}").expect("run.json");
    }
    let found = |run: &str| {
        let folder = state.run_folder(run).ok()?;
        Some(folder.file_name()?.to_string_lossy().into_owned())
    };
    assert_eq!(
        found("20261122-090000-aaaa").as_deref(),
        Some("20261122-090000-aaaa")
    );
    assert_eq!(found("20261122").as_deref(), Some("20261122-090000-aaaa"));
    assert_eq!(found("20261123"), None, "two runs begin like this");
    assert_eq!(found(""), None);
    let folder = state.runs().join("20261123-090000-bbbb");
    assert_eq!(
        found(&folder.to_string_lossy()).as_deref(),
        Some("20261123-090000-bbbb")
    );
    let newest = state.evidence(None).expect("newest");
    assert!(newest.ends_with("20261123-100000-cccc"));
}

#[test]
fn a_name_stands_for_one_instance_or_all_of_a_service() {
    let session = session();
    let names = |name: &str| -> Vec<String> {
        let instances = session.instances(name).unwrap_or_default();
        instances
            .iter()
            .map(|instance| instance.instance.clone())
            .collect()
    };
    assert_eq!(names("inventory"), ["inventory-1", "inventory-2"]);
    assert_eq!(names("inventory-2"), ["inventory-2"]);
    let error = session.instances("inventroy").expect_err("unknown");
    let Error::UnknownName { nearest, .. } = error else {
        panic!("{error}");
    };
    assert_eq!(nearest, ["inventory", "inventory-1", "inventory-2"]);
}
