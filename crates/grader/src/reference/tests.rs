use super::*;
use crate::evidence::{Sample, Series};

/// A run of a minute: from the thirtieth second on requests wait, and lines are written about it.
fn reference(waits_from_s: i32) -> Reference {
    let series = |name: &str, value: &dyn Fn(i32) -> f64| Series {
        labels: [
            ("__name__", name),
            ("service", "checkout"),
            ("instance", "checkout-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into(),
        samples: (0..60)
            .map(|second| Sample {
                at_s: f64::from(second),
                value: value(second),
            })
            .collect(),
    };
    let waited = |second: i32| f64::from((second - waits_from_s).max(0)) * 8.0;
    let metrics = [
        series("wait_seconds_sum", &waited),
        series("requests_total", &|second| f64::from(second) * 10.0),
    ];
    Reference {
        id: "orders-queue".to_owned(),
        page: "Slow".to_owned(),
        baseline: Stretch {
            from_s: 12.0,
            to_s: 30.0,
        },
        incident: Stretch {
            from_s: 30.0,
            to_s: 59.0,
        },
        metrics: Metrics::of(&metrics, 0.0),
        logs: vec![logged("waited `3` s", 0, 12), logged("started", 2, 2)],
        ..Reference::default()
    }
}

fn logged(message: &str, before: u64, then: u64) -> Logged {
    let fields = |count: u64| -> Vec<_> {
        let line = serde_json::json!({
            "service": "checkout", "level": "warn", "message": message, "waits": count,
        });
        line.as_object().cloned().into_iter().collect()
    };
    Logged {
        baseline: (
            before,
            if before > 0 {
                fields(before)
            } else {
                Vec::new()
            },
        ),
        incident: (then, fields(then)),
    }
}

#[test]
fn a_reference_is_read_as_it_was_written_and_a_damaged_one_is_refused() {
    let reference = reference(30);
    let bytes = reference.bytes().expect("it is small");
    assert_eq!(Reference::read(&bytes), Ok(reference));
    for (name, bytes) in [
        ("empty", Vec::new()),
        ("cut", bytes[..bytes.len() / 2].to_vec()),
        ("something else", b"<html>".to_vec()),
        ("flipped", {
            let mut flipped = bytes.clone();
            let middle = flipped.len() / 2;
            flipped[middle] ^= 0xff;
            flipped
        }),
    ] {
        let error = Reference::read(&bytes).expect_err(name);
        assert!(matches!(error, Error::Damaged(_)), "{name}: {error}");
    }
    let mut older = bytes.clone();
    older[MAGIC.len()] = 0;
    assert_eq!(Reference::read(&older), Err(Error::Format(0)));
}

#[test]
fn pointers_have_an_effect_over_a_reference() {
    let reference = reference(30);
    let expression = |text: &str| Expression::read(text, 20.0).expect(text);
    let names = |effect: Effect| -> Vec<String> {
        let clear = effect.clear();
        clear
            .map(|(feature, _)| format!("{} {:?}", feature.name, feature.direction))
            .collect()
    };
    let promql = |text: &str| names(reference.promql(&expression(text)).expect(text));
    assert_eq!(promql("sum(rate(wait_seconds_sum[1m]))"), ["its value Up"]);
    assert_eq!(promql("rate(requests_total[1m])"), Vec::<String>::new());
    assert_eq!(
        promql("sum(rate(wait_seconds_sum[1m])) / sum(rate(requests_total[1m]))"),
        ["its value Up"]
    );
    let log = |text: &str| names(reference.log(&text.parse().expect(text)));
    assert_eq!(log("\"waited\""), ["checkout warn: waited * s Up"]);
    assert_eq!(log("\"waited\" waits=12"), ["checkout warn: waited * s Up"]);
    assert_eq!(log("\"waited\" waits=13"), Vec::<String>::new());
    assert_eq!(log("\"started\""), Vec::<String>::new());
}

#[test]
fn a_summary_tells_what_a_new_recording_changes() {
    let text = reference(30).summary();
    assert!(
        text.starts_with("orders-queue (Slow)\nbaseline 18 s, incident 29 s, 2 series\n"),
        "{text}"
    );
    assert!(
        text.contains("checkout warn: waited * s | 0 before, 12 then"),
        "{text}"
    );
}
