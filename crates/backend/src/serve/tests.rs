use super::*;
use std::time::Instant;

use tokio::net::TcpListener;

fn config(text: serde_json::Value) -> Config {
    let mut all = serde_json::json!({
        "run": "r", "jaeger": "127.0.0.1:0", "otlp_grpc": "127.0.0.1:0", "otlp_http": "127.0.0.1:0",
        "prometheus": "127.0.0.1:0",
    });
    for (key, value) in text.as_object().unwrap() {
        all[key] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

#[test]
fn unknown_keys_of_the_configuration_are_errors() {
    let text = r#"{"run":"r","jaeger":"127.0.0.1:0","otlp_grpc":"127.0.0.1:0","otlp_http":"127.0.0.1:0","prometheus":"127.0.0.1:0","ui":{"link":[]}}"#;
    let error = serde_json::from_str::<Config>(text).unwrap_err();
    assert!(error.to_string().contains("`link`"), "{error}");
}

#[tokio::test]
async fn free_ports_are_chosen_and_announced() {
    let listeners = Listeners::bind(&config(serde_json::json!({})))
        .await
        .unwrap();
    let line = listeners.ready_line("r");
    let ports: std::collections::BTreeSet<String> =
        ["jaeger", "otlp_grpc", "otlp_http", "prometheus"]
            .iter()
            .map(|name| line[name].as_str().unwrap().to_owned())
            .collect();
    assert_eq!(ports.len(), 4);
    assert!(!ports.iter().any(|addr| addr.ends_with(":0")));
}

#[tokio::test]
async fn every_taken_port_is_named() {
    let held = [
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
        TcpListener::bind("127.0.0.1:0").await.unwrap(),
    ];
    let [first, second] = held
        .each_ref()
        .map(|listener| listener.local_addr().unwrap());
    let config = config(serde_json::json!({ "jaeger": first, "prometheus": second }));
    let Err(listen::Error::Taken(taken)) = Listeners::bind(&config).await else {
        panic!("taken ports were bound");
    };
    let expected = serde_json::json!({"ready": false, "run": "r", "taken": [
        {"purpose": "jaeger", "addr": first}, {"purpose": "prometheus", "addr": second},
    ]});
    assert_eq!(listen::taken_line("r", &taken), expected);
}

#[test]
fn a_folder_that_others_still_write_into_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let scratch = folder.path().join("scratch");
    std::fs::create_dir_all(scratch.join("a/b")).unwrap();
    let writer = {
        let scratch = scratch.clone();
        std::thread::spawn(move || {
            let until = Instant::now() + Duration::from_millis(150);
            let mut number = 0;
            while Instant::now() < until {
                number += 1;
                // The folder may be gone at this very moment.
                _ = std::fs::create_dir_all(scratch.join("a"));
                _ = std::fs::write(scratch.join(format!("a/{number}")), "x");
            }
        })
    };
    ending::remove(&scratch).unwrap();
    writer.join().unwrap();
    assert!(!scratch.exists());
    ending::remove(&scratch).unwrap();
}
