//! `config`: the settings that the shop runs with, and changes of them.

use anyhow::Context as _;
use drill::api::Action;
use grader::evidence::{Look, LookKind};
use record::{Origin, SETTINGS, Settings, run_of, value_text};

use super::act;
use super::source::Place;
use crate::cli::config::{Config, ConfigCommand, ConfigShow};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Shows or changes settings.
pub(super) fn run(context: &Context, args: Config) -> anyhow::Result<Outcome> {
    match args.command {
        ConfigCommand::Show(args) => show(context, &args),
        ConfigCommand::Set(args) => {
            let service = args.service;
            let settings = args.settings.into_iter().collect();
            let request = Action::Set { service, settings };
            act::act(context, args.format, &request)
        }
        ConfigCommand::Unset(args) => {
            let (service, keys) = (args.service, args.keys);
            act::act(context, args.format, &Action::Unset { service, keys })
        }
    }
}

fn show(context: &Context, args: &ConfigShow) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let Some(all) = SETTINGS.find(&place.folder)? else {
        let message = format!("run {} has no record of settings", run_of(&place.folder));
        return Err(Error::usage(message, "a run has one once its services are up").into());
    };
    let of_service = all
        .into_iter()
        .find(|one| one.service == args.service.name());
    let settings = of_service.context("a service is missing in the record of settings")?;
    let what = format!("settings of {}", args.service);
    place.note(&Look::by_command(LookKind::Deploys, what, context.now));
    if args.recorded.format.json {
        context.terminal.json(&settings)?;
    } else {
        let text = render(&settings, context.terminal.out, context.terminal.width);
        context.terminal.print(&text)?;
    }
    Ok(Outcome::Done)
}

fn render(settings: &Settings, style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("SETTING", Align::Left),
        ("VALUE", Align::Left),
        ("DEFAULT", Align::Left),
        ("FROM", Align::Left),
    ]);
    for setting in &settings.settings {
        let (ink, from) = match setting.from {
            Origin::Default => (Ink::Faint, "default".to_owned()),
            Origin::Release => {
                let release = setting.release.as_ref().unwrap_or(&settings.release);
                (Ink::Plain, format!("release {release}"))
            }
            Origin::Pushed => (Ink::Plain, "configuration change".to_owned()),
            Origin::Responder => (Ink::Warning, "config set".to_owned()),
        };
        // Only a value that differs in origin is worth comparing.
        let default = match setting.from {
            Origin::Default => String::new(),
            _ => value_text(&setting.default),
        };
        table.row([
            Cell::new(ink, setting.key.as_str()),
            Cell::new(ink, value_text(&setting.value)),
            Cell::new(Ink::Faint, default),
            Cell::new(ink, from),
        ]);
    }
    table.render(style, columns)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use record::Setting;

    #[test]
    fn settings_are_shown_with_who_says_so() {
        let setting = |key: &str, value: Value, default: Value, from| Setting {
            key: key.to_owned(),
            value,
            default,
            from,
            release: (from == Origin::Release).then(|| "2026.11.3".to_owned()),
        };
        let settings = Settings {
            service: "gateway".to_owned(),
            release: "2026.11.5".to_owned(),
            settings: vec![
                setting("deadline_ms", json!(5000), json!(5000), Origin::Default),
                setting(
                    "limiter.burst",
                    json!(5000.0),
                    json!(4000.0),
                    Origin::Pushed,
                ),
                setting("pages.capacity", Value::Null, json!(64), Origin::Responder),
                setting(
                    "pages.key",
                    json!("uri"),
                    json!("canonical"),
                    Origin::Release,
                ),
            ],
        };
        insta::assert_snapshot!(render(&settings, Style::PLAIN, 100), @r#"
        SETTING         VALUE  DEFAULT      FROM
        deadline_ms     5000                default
        limiter.burst   5000   4000         configuration change
        pages.capacity  none   64           config set
        pages.key       "uri"  "canonical"  release 2026.11.3
        "#);
    }
}
