//! Whether anything that a responder can see names the cause: everything that a running drill exports is searched.

use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use grader::heap::{Site, is_ours, own_texts};
use scenario::Scenario;

use drill::api::Status;
use drill::session::{Instance, Session};

/// Words that would tell a sandbox from production, in whatever drill, where the shop itself speaks.
const GIVEAWAYS: [&str; 8] = [
    "fault",
    "inject",
    "chaos",
    "sabotage",
    "leaky",
    "memory leak",
    "simulat",
    "scenario",
];

/// Innocent uses of these words in what other people's programs say.
const INNOCENT: [&str; 3] = ["default", "segfault", "page_fault"];

/// Traces of each service that are read.
const TRACES: usize = 400;
/// For one answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A service that keeps crashing is up again within this, however long it waits before each restart.
const RESTARTS: Duration = Duration::from_secs(60);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(250);
/// How much of the text around a word is shown.
const AROUND: usize = 80;

/// What a search gave.
#[derive(Debug, Default)]
pub struct Searched {
    /// How much was read.
    pub bytes: usize,
    /// Each word that was found, with its place and the text around it.
    pub found: Vec<String>,
}

/// Searches spans, metrics, rules, logs, files, arguments and environment of a running drill for the words that its
/// scenario seals, for its id, and, where the shop speaks, for words that no shop would use.
pub async fn search(session: &Session, scenario: &Scenario) -> anyhow::Result<Searched> {
    let mut sealed = scenario.silence.words.clone();
    // An id names the symptom and may be known; it must still not be in what is exported.
    sealed.push(scenario.id.clone());
    let mut searched = Searched::default();
    for Exported { place, text, shop } in exported(session).await? {
        // The sandbox's own files may say what they are; the shop must not know.
        let giveaways = GIVEAWAYS.iter().copied().filter(|_| shop);
        searched.bytes += text.len();
        let text = INNOCENT.iter().fold(text.to_lowercase(), |text, innocent| {
            text.replace(innocent, "")
        });
        for word in giveaways.chain(sealed.iter().map(String::as_str)) {
            if let Some(at) = text.find(word) {
                let from = text.floor_char_boundary(at.saturating_sub(AROUND));
                let around: String = text[from..].chars().take(2 * AROUND).collect();
                let problem = format!("`{word}` is in {place}: …{around}…");
                searched.found.push(problem);
            }
        }
    }
    Ok(searched)
}

/// Something that can be seen.
struct Exported {
    place: String,
    text: String,
    /// Whether the shop says it, and not the sandbox around it.
    shop: bool,
}

async fn exported(session: &Session) -> anyhow::Result<Vec<Exported>> {
    let http = stack::http::client()
        .timeout(TIMEOUT)
        .build()
        .context("HTTP client")?;
    let mut all = Vec::new();
    for url in urls(session) {
        let text = text(&http, &url).await?;
        all.push(Exported {
            place: url,
            text,
            shop: true,
        });
    }
    for instance in &session.services {
        for path in ["/metrics", "/healthz", "/readyz"] {
            all.push(Exported {
                text: admin(&http, session, instance, path).await?,
                place: format!("{path} of {}", instance.instance),
                shop: true,
            });
        }
    }
    for id in children_of(session.pid) {
        for file in ["cmdline", "environ", "comm"] {
            let place = format!("/proc/{id}/{file}");
            let bytes = std::fs::read(&place).unwrap_or_default();
            let text = without_inherited(&String::from_utf8_lossy(&bytes));
            all.push(Exported {
                place,
                text,
                shop: true,
            });
        }
    }
    files(&session.folder, false, &mut all)?;
    Ok(all)
}

fn urls(session: &Session) -> Vec<String> {
    let (jaeger, prometheus) = (&session.urls.jaeger, &session.urls.prometheus);
    let ever =
        "query.start_time_min=2000-01-01T00:00:00Z&query.start_time_max=2100-01-01T00:00:00Z";
    let traces = ["gateway", "checkout", "inventory"].map(|service| {
        format!(
            "{jaeger}/api/v3/traces?query.service_name={service}&query.num_traces={TRACES}&{ever}"
        )
    });
    let metrics = [
        "/api/v1/series?match[]={__name__!=\"\"}",
        "/api/v1/query_exemplars?query={__name__!=\"\"}",
        "/api/v1/metadata",
        "/api/v1/rules",
        "/api/v1/alerts",
        "/api/v1/targets",
    ]
    .map(|path| format!("{prometheus}{path}"));
    traces.into_iter().chain(metrics).collect()
}

async fn text(http: &reqwest::Client, url: &str) -> anyhow::Result<String> {
    let answer = http.get(url).send().await;
    let text = answer.with_context(|| url.to_owned())?.text().await;
    text.with_context(|| url.to_owned())
}

/// A page of an instance's admin port, wherever it listens now: a service that keeps crashing moves to a port of its
/// own with each restart, and nothing listens between two of them.
async fn admin(
    http: &reqwest::Client,
    session: &Session,
    instance: &Instance,
    path: &str,
) -> anyhow::Result<String> {
    let deadline = Instant::now() + RESTARTS;
    let mut listens = instance.admin;
    loop {
        let page = text(http, &format!("http://{listens}{path}")).await;
        if page.is_ok() || Instant::now() > deadline {
            return page;
        }
        tokio::time::sleep(AGAIN).await;
        let status = http
            .get(format!("http://{}/v1/status", session.control))
            .bearer_auth(&session.token)
            .send()
            .await
            .context("control API")?;
        let status: Status = status.json().await.context("control API")?;
        let is_it = |one: &&Instance| one.instance == instance.instance;
        listens = status
            .services
            .iter()
            .find(is_it)
            .map_or(listens, |now| now.admin);
    }
}

/// The children of a process, as far as `/proc` tells.
pub fn children_of(parent: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // The name may hold spaces and brackets; the fields after it do not.
        let after = stat.rsplit_once(')').map(|(_, after)| after);
        let found = after.and_then(|after| after.split_whitespace().nth(1)?.parse().ok());
        found == Some(parent)
    })
    .collect()
}

/// What the children have in their environment because the build has it: its paths.
fn without_inherited(text: &str) -> String {
    let inherited = ["CARGO", "PWD", "OLDPWD", "RUST", "FIREDRILL"];
    text.split('\0')
        .filter(|entry| !inherited.iter().any(|name| entry.starts_with(name)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The files of the run that are open while it runs; packed ones as the text that is in them.
fn files(folder: &Path, shop: bool, all: &mut Vec<Exported>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let place = path.display().to_string();
        all.push(Exported {
            place: format!("a file name in {}", folder.display()),
            text: name.clone(),
            shop,
        });
        if path.is_dir() {
            files(&path, name == "logs", all)?;
            continue;
        }
        let is_binary = name.ends_with(".lz4") || name.contains("sqlite") || name.contains(".db");
        let bytes = std::fs::read(&path).unwrap_or_default();
        let bytes = match path.extension() {
            _ if is_binary => continue,
            Some(_) if name.ends_with(".pb.gz") => texts_of_ours(&bytes),
            Some(extension) if extension == "gz" => unpacked(&bytes),
            Some(extension) if extension == "sites" => names_of_ours(&bytes),
            _ => bytes,
        };
        all.push(Exported {
            place,
            text: String::from_utf8_lossy(&bytes).into_owned(),
            shop,
        });
    }
    Ok(())
}

/// The functions of the shop in a snapshot's allocation sites: what a library calls its own (`unbounded_channel`) is in
/// every shop's heap. A file that is not a list of sites is taken as it is.
fn names_of_ours(bytes: &[u8]) -> Vec<u8> {
    let Ok(sites) = serde_json::from_slice::<Vec<Site>>(bytes) else {
        return bytes.to_vec();
    };
    let names = sites
        .into_iter()
        .flat_map(|site| std::iter::once(site.function).chain(site.stack));
    let names: Vec<String> = names.filter(|name| is_ours(name)).collect();
    names.join("\n").into_bytes()
}

/// The same of a snapshot itself. A file that is not a profile is taken as it is.
fn texts_of_ours(bytes: &[u8]) -> Vec<u8> {
    match own_texts(bytes) {
        Ok(texts) => texts.join("\n").into_bytes(),
        Err(_) => unpacked(bytes),
    }
}

fn unpacked(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    // What can be unpacked is searched; a torn file is not a reason to skip the search.
    let _ = flate2::read::GzDecoder::new(bytes).read_to_end(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_libraries_are_not_the_shops() {
        let site = |function: &str, stack: &[&str]| Site {
            function: function.to_owned(),
            bytes: 1,
            objects: None,
            stack: stack.iter().map(|&name| name.to_owned()).collect(),
        };
        let sites = [
            site(
                "chassis::client::exchange",
                &["tokio::sync::mpsc::unbounded::unbounded_channel"],
            ),
            site(
                "core::future::poll",
                &["<inventory::Unbounded as Drop>::drop"],
            ),
        ];
        let bytes = serde_json::to_vec(&sites).expect("sites");
        let names = String::from_utf8(names_of_ours(&bytes)).expect("a text");
        assert_eq!(
            names,
            "chassis::client::exchange\n<inventory::Unbounded as Drop>::drop"
        );
        assert_eq!(names_of_ours(b"torn"), b"torn");
    }
}
