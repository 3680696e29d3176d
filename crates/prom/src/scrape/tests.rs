use super::*;
use crate::exemplar::Exemplar;
use crate::exposition;
use crate::store::Limits;
use axum::Router;
use axum::routing::get;
use promql::{Labels, METRIC_NAME, MatchOp, Matcher, Sample, Source, is_stale};

fn values(store: &Store, name: &str) -> Vec<String> {
    let matcher = Matcher::new(MatchOp::Equal, METRIC_NAME, name);
    let mut found = Vec::new();
    for series in store.select(&[matcher], i64::MIN, i64::MAX) {
        let text = |sample: &Sample| match is_stale(sample.value) {
            true => "end".to_owned(),
            false => sample.value.to_string(),
        };
        let values: Vec<String> = series.samples.iter().map(text).collect();
        found.push(format!("{} {}", series.labels, values.join(" ")));
    }
    found.sort();
    found
}

/// Feeds texts to the cache of one target, a second apart; an empty one stands for a failed scrape.
fn feed(texts: &[&str]) -> Store {
    feed_as(exposition::Format::Text, texts)
}

fn feed_as(format: exposition::Format, texts: &[&str]) -> Store {
    let store = Store::new(Limits::default());
    let target = Labels::new([("job", "shop"), ("service", "checkout")]);
    let mut cache = cache::Cache::new(target);
    for (second, text) in texts.iter().enumerate() {
        let t_ms = second as i64 * 1_000;
        cache.begin();
        let read = exposition::parse(text.as_bytes(), format, &mut cache);
        let mut batch = store.batch();
        match read {
            Ok(()) if !text.is_empty() => cache.commit(&mut batch, t_ms),
            _ => cache.fail(&mut batch, t_ms),
        }
    }
    store
}

#[test]
fn series_that_vanish_end_at_once_and_may_come_back() {
    let store = feed(&["a 1\nb 1\n", "a 2\n", "a 3\nb 3\n", "", "a 5\n", "a x\n"]);
    let a = "a{job=\"shop\", service=\"checkout\"} 1 2 3 end 5 end";
    let b = "b{job=\"shop\", service=\"checkout\"} 1 end 3 end";
    assert_eq!(values(&store, "a"), [a]);
    assert_eq!(values(&store, "b"), [b]);
}

#[test]
fn known_series_are_recognised_in_any_order() {
    let store = feed(&[
        "a 1\na{x=\"1\"} 1\na{x=\"1 }\"} 1\nz 1\n",
        "z 2\na{x=\"1 }\"} 2\na 2\na{x=\"1\"} 2\n",
        "a{x=\"1\"} 3\na 3\nab 3\na {x=\"1 }\"} 3\nz 3\n",
    ]);
    assert_eq!(store.stats().series, 5);
    let own = "job=\"shop\", service=\"checkout\"";
    let expected = [
        format!("a{{{own}, x=\"1 }}\"}} 1 2 3"),
        format!("a{{{own}, x=\"1\"}} 1 2 3"),
        format!("a{{{own}}} 1 2 3"),
    ];
    assert_eq!(values(&store, "a"), expected);
    assert_eq!(values(&store, "ab"), [format!("ab{{{own}}} 3")]);
    assert_eq!(values(&store, "z"), [format!("z{{{own}}} 1 2 3")]);
}

#[test]
fn labels_of_the_target_win_and_hidden_ones_are_kept() {
    let store =
        feed(&["build_info{service=\"x\",version=\"1\",job=\"\",exported_service=\"y\"} 1\n"]);
    let expected = "build_info{exported_exported_service=\"x\", exported_service=\"y\", job=\"shop\", service=\"checkout\", version=\"1\"} 1";
    assert_eq!(values(&store, "build_info"), [expected]);
}

#[test]
fn series_with_times_of_their_own_do_not_end() {
    let store = feed(&["a 1 500\n", "b 1\n"]);
    assert_eq!(
        values(&store, "a"),
        ["a{job=\"shop\", service=\"checkout\"} 1"]
    );
}

#[test]
fn exemplars_are_stored_once_and_without_a_time_at_the_time_of_the_scrape() {
    let page = |exemplar: &str| format!("a_bucket{{le=\"1\"}} 3{exemplar}\n# EOF\n");
    let pages = [
        " # {trace_id=\"x\"} 0.5 0.25",
        " # {trace_id=\"x\"} 0.5 0.25",
        " # {trace_id=\"y\"} 0.7",
        " # {trace_id=\"y\"} 0.7",
        "",
        " # {trace_id=\"z\"} 0.9 # ",
        " # {trace_id=\"z\"} 0.9",
    ];
    let pages = pages.map(page);
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let store = feed_as(exposition::Format::OpenMetrics, &pages);
    let any = Matcher::new(MatchOp::Equal, METRIC_NAME, "a_bucket");
    let found = store.exemplars(&[vec![any]], i64::MIN, i64::MAX);
    assert_eq!(found.len(), 1);
    let expected = "a_bucket{job=\"shop\", le=\"1\", service=\"checkout\"}";
    assert_eq!(found[0].0.to_string(), expected);
    let show = |one: &Exemplar| format!("{} {} {}", one.labels.to_labels(), one.value, one.t_ms);
    let exemplars: Vec<String> = found[0].1.iter().map(show).collect();
    let expected = [
        "{trace_id=\"x\"} 0.5 250",
        "{trace_id=\"y\"} 0.7 2000",
        "{trace_id=\"z\"} 0.9 6000",
    ];
    assert_eq!(exemplars, expected);
}

#[test]
fn bounds_of_histograms_have_one_notation_whatever_the_target_writes() {
    let store = feed(&[
        "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"0.000005\"} 1\n# TYPE s summary\ns{quantile=\"0.50\"} 1\ns{le=\"1\"} 1\n# TYPE g gauge\ng{le=\"1\"} 1\n",
        "# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"0.000005\"} 2\n",
    ]);
    let labels = |le: &str| format!("{{job=\"shop\", {le}, service=\"checkout\"}}");
    let series = |name: &str, label: &str, rest: &str| format!("{name}{} {rest}", labels(label));
    for (name, expected) in [
        ("h_bucket", series("h_bucket", "le=\"1.0\"", "1 2")),
        ("h_bucket", series("h_bucket", "le=\"5e-06\"", "1 2")),
        ("s", series("s", "le=\"1\"", "1 end")),
        (
            "s",
            "s{job=\"shop\", quantile=\"0.5\", service=\"checkout\"} 1 end".to_owned(),
        ),
        ("g", series("g", "le=\"1\"", "1 end")),
    ] {
        assert!(values(&store, name).contains(&expected), "{expected}");
    }
    assert_eq!(store.stats().series, 5);
}

#[test]
fn targets_files_are_checked() {
    let check = |text: &str, expected: &str| {
        let found = discovery::parse(text).map(|targets| {
            let lines = targets.iter();
            let lines = lines.map(|target| format!("{} {}", target.url(), target.labels));
            lines.collect::<Vec<_>>().join("; ")
        });
        let found = found.unwrap_or_else(|error| error);
        assert!(found.starts_with(expected), "{found}");
    };
    check("[]", "");
    check(
        r#"[{"targets":["127.0.0.1:1"],"labels":{"service":"a"}},{"targets":["h:2","h:2"],"labels":{"job":"x","__metrics_path__":"/m"}}]"#,
        "http://127.0.0.1:1/metrics {instance=\"127.0.0.1:1\", job=\"shop\", service=\"a\"}; http://h:2/m {instance=\"h:2\", job=\"x\"}",
    );
    let mistakes = r#"
[{"targets":["here"]}] => `here` is not `host:port`
[{"targets":["h:1"],"label":{}}] => not a list of targets: unknown field `label`
[{"targets":["h:1"],"labels":{"__scheme__":"https"}}] => scheme `https`
[{"targets":["h:1"],"labels":{"a-b":"c"}}] => `a-b` is not a label name
[{ => not a list of targets
"#;
    for case in mistakes.trim().lines() {
        let (text, expected) = case.split_once(" => ").unwrap();
        check(text, expected);
    }
}

/// Waits until the store has what a test waits for.
async fn until(mut holds: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "waited in vain");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn listen(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn options(targets: PathBuf) -> Options {
    Options {
        targets,
        interval: Duration::from_millis(50),
        timeout: Duration::from_millis(2_000),
        body_bytes: 1_000,
        samples: 10,
    }
}

/// One target is well, each of the others wrong in its own way.
fn tell_their_errors(scraper: &Scraper) {
    let targets = scraper.targets();
    let errors = targets.iter().map(|target| target.health().last_error);
    let errors: Vec<String> = errors.map(Option::unwrap_or_default).collect();
    let expected = [
        "",
        "11 samples; the limit is 10",
        "the response is larger than 1000 bytes",
        "server returned HTTP status 404 Not Found",
        "failed to connect: ",
    ];
    for (error, expected) in errors.iter().zip(expected) {
        assert!(error.starts_with(expected), "{error}");
    }
    assert_eq!((errors.len(), &*errors[0]), (5, ""));
}

#[tokio::test]
async fn targets_are_scraped_followed_and_ended() {
    let page = |text: String| Router::new().route("/metrics", get(move || async { text }));
    let good = listen(page("# TYPE a counter\na 7\n".to_owned())).await;
    let many: String = (0..11).map(|i| format!("a{{n=\"{i}\"}} 1\n")).collect();
    let many = listen(page(many)).await;
    let large = listen(page("# ".to_owned() + &"x".repeat(2_000) + "\n")).await;
    let missing = listen(Router::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("targets.json");
    let write = |text: &str| std::fs::write(&path, text).unwrap();
    let all = serde_json::json!([{ "targets": [good, many, large, missing, "127.0.0.1:1"] }]);
    write(&all.to_string());
    let store = Arc::new(Store::new(Limits::default()));
    let scraper = Arc::new(Scraper::new(Arc::clone(&store), options(path.clone())));
    let shutdown = CancellationToken::new();
    let running = {
        let (scraper, shutdown) = (Arc::clone(&scraper), shutdown.clone());
        tokio::spawn(async move { scraper.run(shutdown).await })
    };
    let is_seen = |target: &Arc<Status>| target.health().last_scrape_ms.is_some();
    until(|| scraper.targets().len() == 5 && scraper.targets().iter().all(is_seen)).await;
    tell_their_errors(&scraper);
    until(|| {
        values(&store, "a")
            .iter()
            .any(|line| line.ends_with("7 7 7"))
    })
    .await;
    let up = values(&store, "up");
    assert_eq!(up.iter().filter(|line| line.contains(" 1")).count(), 1);
    let kind = store.metadata(Some("a"))[0].1[0].kind;
    assert_eq!(kind, crate::store::Kind::Counter);
    // A file that is wrong changes nothing.
    write("[{");
    let before = store.stats().counts.stored;
    until(|| store.stats().counts.stored > before + 50).await;
    assert_eq!(scraper.targets().len(), 5);
    write("[]");
    until(|| scraper.targets().is_empty()).await;
    until(|| {
        values(&store, "up")
            .iter()
            .all(|line| line.ends_with("end"))
    })
    .await;
    assert!(values(&store, "a")[0].ends_with("7 end"));
    shutdown.cancel();
    running.await.unwrap();
}
