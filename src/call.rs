//! The arguments of `firedrill request`, which the command lines of a reproduction have as well.

pub(crate) mod line;

use clap::Args;
use drill::burst::Request;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};

/// A request, and how often it is sent.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct Call {
    /// The method
    #[arg(value_name = "METHOD", value_parser = parse_method)]
    pub method: String,
    /// Path and query, as the gateway sees it
    #[arg(value_name = "PATH", value_parser = parse_path)]
    pub path: String,
    /// The body; JSON unless a Content-Type says otherwise
    #[arg(short, long, value_name = "BODY")]
    pub data: Option<String>,
    /// A header; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE", value_parser = parse_header)]
    pub headers: Vec<(String, String)>,
    /// How often to send the request.
    // Without the escape sequence, clap prints `{n}` as a line break.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=500),
        help = "Send the request N times and summarise the responses; `{\u{1b}[0mn}` in path, body and headers is its number: 01 to 20"
    )]
    pub times: u32,
    /// Requests per second
    #[arg(long, value_name = "R", default_value_t = 10.0, value_parser = parse_rate)]
    pub rate: f64,
}

impl Call {
    /// The request that they describe.
    pub(crate) fn request(&self) -> Request {
        Request {
            method: self.method.clone(),
            path: self.path.clone(),
            data: self.data.clone(),
            headers: self.headers.clone(),
            times: self.times,
            rate: self.rate,
        }
    }
}

fn parse_method(text: &str) -> Result<String, String> {
    let method = text.to_ascii_uppercase();
    match Method::from_bytes(method.as_bytes()) {
        Ok(_) => Ok(method),
        Err(_) => Err(format!("`{text}` is not an HTTP method")),
    }
}

fn parse_path(text: &str) -> Result<String, String> {
    if text.starts_with('/') && !text.contains(char::is_whitespace) {
        Ok(text.to_owned())
    } else {
        Err("write the path only, such as `/v1/products/sku-000001`".to_owned())
    }
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    let Some((name, value)) = text.split_once(':') else {
        return Err("write a header as `Name: value`".to_owned());
    };
    let (name, value) = (name.trim(), value.trim());
    HeaderName::try_from(name).map_err(|_| format!("`{name}` is not a header name"))?;
    HeaderValue::try_from(value).map_err(|_| format!("`{value}` is not a header value"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse::<f64>().ok();
    rate.filter(|rate| (0.1..=200.0).contains(rate))
        .ok_or_else(|| "write a rate as requests a second, 0.1 to 200".to_owned())
}
