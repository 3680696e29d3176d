//! When two answers are the same: equal JSON, order of object members aside, and numbers in texts to 1e-9 of each other.

use serde_json::{Map, Value};

/// How far two values may be apart, relative to the larger.
const TOLERANCE: f64 = 1e-9;

/// Where two answers differ first, if they do.
pub(super) fn difference(embedded: &Value, real: &Value) -> Option<String> {
    find("", embedded, real)
}

fn find(place: &str, embedded: &Value, real: &Value) -> Option<String> {
    let is_same = match (embedded, real) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            // Prometheus writes values as texts in pairs; a label is never in an array with its time.
            let mut pairs = a.iter().zip(b).enumerate();
            return pairs.find_map(|(index, pair)| match pair {
                (Value::String(a), Value::String(b)) if is_same_value(a, b) => None,
                (a, b) => find(&format!("{place}[{index}]"), a, b),
            });
        }
        (Value::Object(a), Value::Object(b)) if has_keys(a, b) && has_keys(b, a) => {
            return a
                .iter()
                .find_map(|(key, a)| find(&format!("{place}.{key}"), a, &b[key]));
        }
        (Value::Number(a), Value::Number(b)) => is_close(a.as_f64(), b.as_f64()),
        _ => embedded == real,
    };
    (!is_same).then(|| format!("{place}: {} / {}", short(embedded), short(real)))
}

fn has_keys(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    other.keys().all(|key| one.contains_key(key))
}

fn is_same_value(a: &str, b: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    is_close(number(a), number(b))
}

fn is_close(a: Option<f64>, b: Option<f64>) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return false;
    };
    let is_equal = a == b || (a.is_nan() && b.is_nan());
    // Infinite differences are equal to nothing.
    is_equal || (a - b).abs() <= TOLERANCE * a.abs().max(b.abs()) && (a - b).is_finite()
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(600) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// That the comparison can fail.
pub(super) fn sees_differences() {
    let cases = [
        (r#"["1"]"#, r#"["1.0000000009"]"#, false),
        (r#"["1"]"#, r#"["1.000000002"]"#, true),
        (r#"["NaN"]"#, r#"["NaN"]"#, false),
        (r#"["+Inf"]"#, r#"["-Inf"]"#, true),
        (r#"["+Inf"]"#, r#"["1e308"]"#, true),
        (r#"{"a":1}"#, r#"{"b":1}"#, true),
        (r#"{"a":"x"}"#, r#"{"a":"y"}"#, true),
        (r#"{"a":"1"}"#, r#"{"a":"1.0"}"#, true),
        (r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, false),
        (r#"["a","b"]"#, r#"["b","a"]"#, true),
        (r#"["a"]"#, r#"["a","a"]"#, true),
        (r#"null"#, r#""""#, true),
    ];
    for (a, b, differs) in cases {
        let value = |text: &str| serde_json::from_str::<Value>(text).expect("the cases are JSON");
        let found = difference(&value(a), &value(b));
        assert_eq!(found.is_some(), differs, "{a} {b}: {found:?}");
    }
}
