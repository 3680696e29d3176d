//! Samples on their way into a real Prometheus, bit by bit as they are: remote write, version 1.

use prost::Message;

use super::fixture::Series;
use crate::support::http;

/// A request takes this much of time, so that no series is far ahead of another.
const SLICE_MS: i64 = 5 * 60_000;

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, PartialEq, Message)]
struct Sample {
    // Optional, or a zero would go without its sign.
    #[prost(double, optional, tag = "1")]
    value: Option<f64>,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// Sends all series, oldest samples first.
pub(super) fn send(url: &str, series: &[Series]) {
    let times = || {
        let samples = series.iter().flat_map(|series| &series.samples);
        samples.map(|(t_ms, _)| *t_ms)
    };
    let first = times().min().expect("there are samples");
    let last = times().max().expect("there are samples");
    let client = http();
    for from in (first..=last).step_by(SLICE_MS as usize) {
        let request = slice(series, from, from + SLICE_MS);
        let response = client
            .post(format!("{url}/api/v1/write"))
            .header("Content-Type", "application/x-protobuf")
            .header("Content-Encoding", "snappy")
            .header("X-Prometheus-Remote-Write-Version", "0.1.0")
            .body(snappy(&request.encode_to_vec()))
            .send()
            .expect("the samples are sent");
        let status = response.status();
        let text = response.text().unwrap_or_default();
        assert!(status.is_success(), "{status}: {text}");
    }
}

fn slice(series: &[Series], from_ms: i64, to_ms: i64) -> WriteRequest {
    let slices = series.iter().map(|series| {
        let within = |(t_ms, _): &&(i64, f64)| (from_ms..to_ms).contains(t_ms);
        TimeSeries {
            labels: series
                .labels
                .iter()
                .map(|(name, value)| Label {
                    name: name.clone(),
                    value: value.clone(),
                })
                .collect(),
            samples: series
                .samples
                .iter()
                .filter(within)
                .map(|(t_ms, value)| Sample {
                    value: Some(*value),
                    timestamp: *t_ms,
                })
                .collect(),
        }
    });
    WriteRequest {
        timeseries: slices.filter(|slice| !slice.samples.is_empty()).collect(),
    }
}

/// The block format of snappy with literals only: nothing is compressed, which every reader takes.
fn snappy(plain: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(plain.len() + plain.len() / 16 + 16);
    prost::encoding::encode_varint(plain.len() as u64, &mut block);
    for literal in plain.chunks(1 << 16) {
        // The tag 61 announces a length in two bytes, less one, smaller byte first.
        block.push(61 << 2);
        let length = u16::try_from(literal.len() - 1).expect("a chunk is at most 65,536 bytes");
        block.extend(length.to_le_bytes());
        block.extend(literal);
    }
    block
}
