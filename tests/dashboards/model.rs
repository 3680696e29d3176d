//! Dashboards and data sources as the files have them. A key that is not known here is an error, so that a typing
//! mistake is found without Grafana's schema, too.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Board {
    /// The file's name without `.json`, and its text.
    #[serde(skip)]
    pub(super) file: String,
    #[serde(skip)]
    pub(super) text: String,
    pub(super) uid: String,
    pub(super) title: String,
    pub(super) description: String,
    tags: Vec<String>,
    timezone: String,
    editable: bool,
    graph_tooltip: u8,
    refresh: String,
    time: Value,
    schema_version: u32,
    pub(super) templating: List<Variable>,
    pub(super) annotations: List<Annotation>,
    links: Vec<Value>,
    pub(super) panels: Vec<Panel>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct List<T> {
    pub(super) list: Vec<T>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Variable {
    pub(super) name: String,
    #[serde(rename = "type")]
    kind: String,
    label: String,
    pub(super) query: Value,
    pub(super) current: Current,
    datasource: Option<Source>,
    hide: Option<u8>,
    refresh: Option<u8>,
    sort: Option<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Current {
    text: String,
    pub(super) value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Annotation {
    pub(super) name: String,
    pub(super) datasource: Source,
    enable: bool,
    icon_color: String,
    pub(super) title_format: String,
    tag_keys: String,
    pub(super) target: AnnotationTarget,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct AnnotationTarget {
    ref_id: String,
    interval: String,
    pub(super) expr: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) uid: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Panel {
    pub(super) id: u32,
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) grid_pos: Place,
    pub(super) datasource: Source,
    pub(super) field_config: FieldConfig,
    options: Value,
    pub(super) targets: Vec<Target>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) x: u32,
    pub(super) y: u32,
    pub(super) w: u32,
    pub(super) h: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct FieldConfig {
    pub(super) defaults: Defaults,
    overrides: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Defaults {
    pub(super) unit: Option<String>,
    min: Option<f64>,
    max: Option<f64>,
    decimals: Option<u8>,
    pub(super) thresholds: Option<Thresholds>,
    mappings: Option<Value>,
    pub(super) links: Option<Vec<Link>>,
    custom: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Thresholds {
    mode: String,
    pub(super) steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Step {
    color: String,
    pub(super) value: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Link {
    pub(super) title: String,
    pub(super) url: String,
    #[serde(default)]
    target_blank: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "every key is known, not every one is looked at")]
pub(super) struct Target {
    pub(super) ref_id: String,
    pub(super) datasource: Source,
    pub(super) expr: String,
    pub(super) legend_format: String,
    #[serde(default)]
    pub(super) exemplar: bool,
    /// Asked for the end of the range only.
    #[serde(default)]
    pub(super) instant: bool,
    /// Grafana's own default is both.
    range: Option<bool>,
}

/// Every dashboard of `dashboards/`, by name.
pub(super) fn boards() -> Vec<Board> {
    let folder = Path::new(ROOT).join("dashboards");
    let files = std::fs::read_dir(folder).expect("the folder").flatten();
    let paths = files.map(|file| file.path());
    let is_json = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
    let mut paths: Vec<_> = paths.filter(is_json).collect();
    paths.sort();
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a dashboard");
        let mut board: Board = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_stem().and_then(|name| name.to_str());
        board.file = name.expect("a name").to_owned();
        board.text = text;
        board
    };
    paths.into_iter().map(read).collect()
}

impl Board {
    /// The uid itself, or the value of the variable that stands for it.
    pub(super) fn resolve(&self, uid: &str) -> String {
        let variable = uid
            .strip_prefix("${")
            .and_then(|rest| rest.strip_suffix('}'));
        let Some(name) = variable else {
            return uid.to_owned();
        };
        let found = self.templating.list.iter().find(|one| one.name == name);
        let found = found.unwrap_or_else(|| panic!("{}: no variable `{name}`", self.title));
        found.current.value.clone()
    }

    /// Every expression, with where it is.
    pub(super) fn expressions(&self) -> Vec<(String, String)> {
        let of_panels = self.panels.iter().flat_map(|panel| {
            let place = move |target: &Target| format!("{}: {}", panel.title, target.ref_id);
            let targets = panel.targets.iter();
            targets.map(move |target| (place(target), target.expr.clone()))
        });
        let of_annotations = self.annotations.list.iter().map(|annotation| {
            (
                format!("annotation {}", annotation.name),
                annotation.target.expr.clone(),
            )
        });
        let all = of_panels.chain(of_annotations);
        all.map(|(place, expr)| (format!("{}: {place}", self.title), expr))
            .collect()
    }
}

/// The data sources that Grafana is provisioned with.
pub(super) struct Provisioned {
    sources: Vec<Value>,
}

impl Provisioned {
    pub(super) fn read() -> Self {
        let path = "compose/grafana/provisioning/datasources/firedrill.yaml";
        let text = std::fs::read_to_string(Path::new(ROOT).join(path)).expect("data sources");
        // Grafana takes a single dollar sign for a variable of its environment.
        let single = text.replace("$$", "");
        let rows = single.lines().filter(|line| !line.starts_with('#'));
        assert!(!rows.clone().any(|row| row.contains('$')), "a single `$`");
        let file: Value = serde_yaml_ng::from_str(&text.replace("$$", "$")).expect("YAML");
        let sources = file["datasources"].as_array().expect("data sources");
        Self {
            sources: sources.clone(),
        }
    }

    /// The kind of the source with that uid.
    pub(super) fn kind(&self, uid: &str) -> Option<&str> {
        let found = self.sources.iter().find(|source| source["uid"] == uid)?;
        found["type"].as_str()
    }

    /// The one source of that kind.
    pub(super) fn source(&self, kind: &str) -> &Value {
        let mut found = self.sources.iter().filter(|source| source["type"] == kind);
        let source = found.next().unwrap_or_else(|| panic!("no {kind}"));
        assert!(found.next().is_none(), "two of {kind}");
        source
    }

    /// Name and expression of what a span leads to.
    pub(super) fn span_queries(&self) -> Vec<(String, String)> {
        let spans = &self.source("jaeger")["jsonData"]["tracesToMetrics"];
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let queries = spans["queries"].as_array().expect("queries").iter();
        queries
            .map(|query| (text(&query["name"]), text(&query["query"])))
            .collect()
    }
}
