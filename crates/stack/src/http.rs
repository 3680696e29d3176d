//! How this program sends HTTP requests.

/// A client for the processes of a drill: a proxy from the environment must not receive what goes to this machine or
/// to a container of it, nor what is sealed, and no answer sends us elsewhere.
pub fn client() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
}
