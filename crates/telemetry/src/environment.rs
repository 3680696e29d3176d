//! The standard `OTEL_*` variables, read once.
//!
//! Headers (`OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_TRACES_HEADERS`) are the exception:
//! the exporter reads them itself, so that this process keeps no copy of the secrets in them.

use std::{str::FromStr, time::Duration};

/// How the environment configures the trace export.
#[derive(Debug, Clone, PartialEq)]
pub struct Environment {
    /// `OTEL_SDK_DISABLED`, or `OTEL_TRACES_EXPORTER=none`: no spans are recorded.
    pub is_disabled: bool,
    /// `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`, `OTEL_EXPORTER_OTLP_PROTOCOL`.
    pub protocol: Protocol,
    /// Complete address that spans are sent to, from `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or
    /// `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub endpoint: String,
    /// `OTEL_EXPORTER_OTLP_TRACES_TIMEOUT`, `OTEL_EXPORTER_OTLP_TIMEOUT`: time for one export.
    pub timeout: Duration,
    /// `OTEL_SERVICE_NAME`.
    pub service_name: Option<String>,
    /// `OTEL_RESOURCE_ATTRIBUTES`, percent-decoded.
    pub resource: Vec<(String, String)>,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.
    pub sampler: Sampler,
    /// `OTEL_BSP_SCHEDULE_DELAY`: maximum time from the end of a span to its export.
    pub schedule_delay: Duration,
    /// `OTEL_BSP_MAX_QUEUE_SIZE`: maximum number of spans waiting for export.
    pub queue_size: usize,
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`: maximum number of spans in one export.
    pub batch_size: usize,
    /// Values that could not be parsed and were ignored; each becomes a warning.
    pub ignored: Vec<String>,
}

/// The export protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC.
    Grpc,
    /// OTLP over HTTP, protobuf.
    HttpProtobuf,
}

/// Which traces are recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampler {
    /// Share of the traces that start here, 0 to 1.
    pub ratio: f64,
    /// Whether the caller's sampling decision takes precedence.
    pub is_parent_based: bool,
}

/// The SDK's default of 5 s would be most of the time from a request to its trace.
const SCHEDULE_DELAY: Duration = Duration::from_millis(50);
/// Four times the SDK's default of 2,048, which is small because the SDK allocates its whole queue at start. This queue
/// grows only when needed: at 2,000 spans a second it covers an export that is delayed by 4 s on a busy machine.
const QUEUE_SIZE: usize = 8_192;
const BATCH_SIZE: usize = 512;
const TIMEOUT: Duration = Duration::from_secs(10);

impl Environment {
    /// Reads the process's environment.
    pub fn from_process() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads variables from `lookup`. Empty ones count as absent.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let mut reader = Reader {
            lookup,
            ignored: Vec::new(),
        };
        let protocol = reader.protocol();
        let exporter = reader.text("OTEL_TRACES_EXPORTER");
        let exporter = exporter.as_deref().unwrap_or("otlp");
        if !matches!(exporter, "otlp" | "none") {
            reader.ignored.push(format!(
                "exporter `{exporter}` is not supported (supported: otlp, none)"
            ));
        }
        let is_none = exporter == "none";
        let is_off = reader
            .text("OTEL_SDK_DISABLED")
            .is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let queue_size = reader
            .number("OTEL_BSP_MAX_QUEUE_SIZE")
            .map_or(QUEUE_SIZE, |n: usize| n.max(1));
        Self {
            is_disabled: is_off || is_none,
            protocol,
            endpoint: reader.endpoint(protocol),
            timeout: reader
                .millis("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
                .or_else(|| reader.millis("OTEL_EXPORTER_OTLP_TIMEOUT"))
                .unwrap_or(TIMEOUT),
            service_name: reader.text("OTEL_SERVICE_NAME"),
            resource: reader.resource(),
            sampler: reader.sampler(),
            schedule_delay: reader
                .millis("OTEL_BSP_SCHEDULE_DELAY")
                .unwrap_or(SCHEDULE_DELAY),
            queue_size,
            batch_size: reader
                .number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")
                .map_or(BATCH_SIZE, |n: usize| n.max(1))
                .min(queue_size),
            ignored: reader.ignored,
        }
    }
}

impl Default for Environment {
    /// The environment without any of the variables.
    fn default() -> Self {
        Self::from_lookup(|_| None)
    }
}

struct Reader<L> {
    lookup: L,
    ignored: Vec<String>,
}

impl<L: Fn(&str) -> Option<String>> Reader<L> {
    fn text(&self, name: &str) -> Option<String> {
        let text = (self.lookup)(name)?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    fn number<T: FromStr>(&mut self, name: &str) -> Option<T> {
        let text = self.text(name)?;
        let number = text.parse().ok();
        if number.is_none() {
            self.ignored
                .push(format!("`{name}` is not a number: `{text}`"));
        }
        number
    }

    fn millis(&mut self, name: &str) -> Option<Duration> {
        self.number(name).map(Duration::from_millis)
    }

    fn protocol(&mut self) -> Protocol {
        let text = self
            .text("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
            .or_else(|| self.text("OTEL_EXPORTER_OTLP_PROTOCOL"));
        match text.as_deref() {
            None | Some("grpc") => Protocol::Grpc,
            Some("http/protobuf") => Protocol::HttpProtobuf,
            Some(other) => {
                self.ignored.push(format!(
                    "protocol `{other}` is not supported (supported: grpc, http/protobuf)"
                ));
                Protocol::Grpc
            }
        }
    }

    /// The endpoint for traces is used unchanged; on HTTP the general endpoint gets the path for traces.
    fn endpoint(&self, protocol: Protocol) -> String {
        let with_scheme = |text: String| {
            if text.contains("://") {
                text
            } else {
                format!("http://{text}")
            }
        };
        if let Some(text) = self.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            return with_scheme(text);
        }
        let general = self.text("OTEL_EXPORTER_OTLP_ENDPOINT").map(with_scheme);
        match protocol {
            Protocol::Grpc => general.unwrap_or_else(|| "http://localhost:4317".to_owned()),
            Protocol::HttpProtobuf => {
                let base = general.unwrap_or_else(|| "http://localhost:4318".to_owned());
                format!("{}/v1/traces", base.trim_end_matches('/'))
            }
        }
    }

    fn resource(&mut self) -> Vec<(String, String)> {
        let text = self.text("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
        let mut pairs = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            match part.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() => {
                    pairs.push((key.trim().to_owned(), percent_decode(value.trim())));
                }
                _ => self
                    .ignored
                    .push(format!("resource attribute `{part}` has no value")),
            }
        }
        pairs
    }

    fn sampler(&mut self) -> Sampler {
        let name = self.text("OTEL_TRACES_SAMPLER");
        let name = name.as_deref().unwrap_or("parentbased_always_on");
        let (is_parent_based, kind) = match name.strip_prefix("parentbased_") {
            Some(kind) => (true, kind),
            None => (false, name),
        };
        let ratio = match kind {
            "always_on" => 1.0,
            "always_off" => 0.0,
            "traceidratio" => self
                .number("OTEL_TRACES_SAMPLER_ARG")
                .filter(|ratio: &f64| (0.0..=1.0).contains(ratio))
                .unwrap_or(1.0),
            other => {
                self.ignored
                    .push(format!("sampler `{other}` is not supported"));
                1.0
            }
        };
        Sampler {
            ratio,
            is_parent_based,
        }
    }
}

/// Decodes `%41`; anything that is not an escape stays unchanged.
fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        decoded.push(escape.unwrap_or(bytes[at]));
        at += if escape.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Environment {
        Environment::from_lookup(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn endpoints_follow_the_specification() {
        let check = |variables: &[(&str, &str)], expected: &str| {
            assert_eq!(read(variables).endpoint, expected, "{variables:?}");
        };
        const GENERAL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
        const PROTOCOL: (&str, &str) = ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf");
        check(&[], "http://localhost:4317");
        check(&[PROTOCOL], "http://localhost:4318/v1/traces");
        check(&[(GENERAL, "http://127.0.0.1:1")], "http://127.0.0.1:1");
        check(&[(GENERAL, "127.0.0.1:1")], "http://127.0.0.1:1");
        let general = [PROTOCOL, (GENERAL, "http://127.0.0.1:1/otlp/")];
        check(&general, "http://127.0.0.1:1/otlp/v1/traces");
        let both = [PROTOCOL, (GENERAL, "http://a:1"), (TRACES, "http://b:2/x")];
        check(&both, "http://b:2/x");
    }

    #[test]
    fn samplers_follow_the_specification() {
        let check = |name: &str, argument: &str, ratio: f64, is_parent_based: bool| {
            let found = read(&[
                ("OTEL_TRACES_SAMPLER", name),
                ("OTEL_TRACES_SAMPLER_ARG", argument),
            ]);
            let expected = Sampler {
                ratio,
                is_parent_based,
            };
            assert_eq!(found.sampler, expected, "{name} {argument}");
        };
        check("", "", 1.0, true);
        check("always_off", "", 0.0, false);
        check("traceidratio", "0.25", 0.25, false);
        check("parentbased_traceidratio", "0.5", 0.5, true);
        check("parentbased_traceidratio", "7", 1.0, true);
    }

    #[test]
    fn invalid_values_are_ignored_and_reported() {
        let found = read(&[
            ("OTEL_BSP_SCHEDULE_DELAY", "soon"),
            ("OTEL_TRACES_SAMPLER", "sometimes"),
            ("OTEL_RESOURCE_ATTRIBUTES", "team=a%20b, broken"),
        ]);
        assert_eq!(found.schedule_delay, SCHEDULE_DELAY);
        assert_eq!(found.resource, [("team".to_owned(), "a b".to_owned())]);
        assert_eq!(found.ignored.len(), 3, "{:?}", found.ignored);
    }

    #[test]
    fn tracing_can_be_disabled() {
        assert!(read(&[("OTEL_SDK_DISABLED", "TRUE")]).is_disabled);
        assert!(read(&[("OTEL_TRACES_EXPORTER", "none")]).is_disabled);
        assert!(!read(&[]).is_disabled);
    }
}
