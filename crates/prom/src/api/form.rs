//! The parameters of a request: from the query string, and from the body of a POST.

use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use http::{Method, header};

use super::answer::Error;

/// Longest form that is read, in bytes.
const MAX_BODY: usize = 1 << 20;

/// Names and values; names may repeat.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    /// The first value of a name; a missing one reads as the empty text.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// All values of a name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The parameter `limit`; 0 means no limit.
    pub(super) fn limit(&self) -> Result<usize, Error> {
        match self.get("limit") {
            "" => Ok(0),
            text => match text.parse::<i64>() {
                Ok(limit) if limit < 0 => {
                    Err(Error::parameter("limit", "limit must be non-negative"))
                }
                Ok(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
                Err(_) => Err(Error::parameter(
                    "limit",
                    format!("{text:?} is not a number"),
                )),
            },
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Form, Error> {
        let mut pairs = Vec::new();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let media_type = content_type.unwrap_or_default().split(';').next();
        let is_form = media_type.is_some_and(|media_type| {
            let media_type = media_type.trim();
            media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
        });
        if request.method() == Method::POST && is_form {
            let body = to_bytes(request.into_body(), MAX_BODY).await;
            let body = body
                .map_err(|error| Error::BadData(format!("error parsing form values: {error}")))?;
            // What the body says comes before what the address says.
            pairs.extend(form_urlencoded::parse(&body).into_owned());
        }
        pairs.extend(form_urlencoded::parse(query.as_bytes()).into_owned());
        Ok(Form(pairs))
    }
}
