//! `?prettyPrint=true`: answers for people, as Jaeger indents them.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};

use super::param::Params;

/// Answers are bounded before they come here; this is beyond them.
const MOST_BYTES: usize = 256 << 20;
const INDENT: &[u8] = b"    ";

/// Indents the answer if the request asks for it.
pub(super) async fn print(request: Request, next: Next) -> Response {
    let asked = Params::parse(request.uri().query()).text(&["prettyPrint"]);
    let response = next.run(request).await;
    if asked.is_none_or(|asked| asked == "false") {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MOST_BYTES).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, Body::from(indented(&bytes)))
}

/// JSON with line breaks and indentation; the order of keys and every number stay as they are.
fn indented(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let (mut depth, mut in_string, mut is_escaped) = (0usize, false, false);
    let line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.extend(INDENT.repeat(depth));
    };
    for (at, byte) in json.iter().copied().enumerate() {
        if in_string {
            in_string = is_escaped || byte != b'"';
            is_escaped = !is_escaped && byte == b'\\';
            out.push(byte);
            continue;
        }
        let follows = |closing: u8| json.get(at + 1) == Some(&closing);
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                depth += 1;
                if !follows(if byte == b'{' { b'}' } else { b']' }) {
                    line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if !matches!(out.last(), Some(b'{' | b'[')) {
                    line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                line(&mut out, depth);
            }
            b':' => out.extend(b": "),
            byte if byte.is_ascii_whitespace() => {}
            _ => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_indented_and_says_the_same() {
        for (json, expected) in [
            ("{}", "{}"),
            ("[]", "[]"),
            ("null", "null"),
            (
                r#"{"b":[1,{"x":[]}],"a":"{\"q\": [1,2]}\\"}"#,
                "{\n    \"b\": [\n        1,\n        {\n            \"x\": []\n        }\n    ],\n    \"a\": \"{\\\"q\\\": [1,2]}\\\\\"\n}",
            ),
        ] {
            let out = String::from_utf8(indented(json.as_bytes())).expect("UTF-8");
            assert_eq!(out, expected, "{json}");
        }
    }
}
