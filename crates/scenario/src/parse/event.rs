//! The timeline's events and the remedy's actions.

use shop_api::Service;
use text::table::{Reader, Table};

use super::settings;
use crate::{Action, Event, Imported, Outside, Remedy, Target};

const SERVICES: [(&str, Service); 3] = [
    (Service::Gateway.name(), Service::Gateway),
    (Service::Checkout.name(), Service::Checkout),
    (Service::Inventory.name(), Service::Inventory),
];

const TARGETS: [(&str, Target); 5] = [
    (Service::Gateway.name(), Target::Service(Service::Gateway)),
    (Service::Checkout.name(), Target::Service(Service::Checkout)),
    (
        Service::Inventory.name(),
        Target::Service(Service::Inventory),
    ),
    ("payment", Target::Outside(Outside::Payment)),
    ("checkout-inventory-link", Target::Outside(Outside::Wire)),
];

/// `[[timeline]]`; an event whose kind or service cannot be read is left out, and has a problem.
///
/// A note takes its place. Events are sorted by time; all but those that are there from the start come `later_s` later.
/// `seed` draws the products of what is imported.
pub(super) fn timeline(
    reader: &mut Reader<'_>,
    root: &mut Table<'_>,
    later_s: f64,
    seed: u64,
) -> Vec<Event> {
    let rows = root.tables(reader, "timeline");
    let events = rows.into_iter().enumerate().map(|(index, mut row)| {
        let at_s = row.number(reader, "at_s");
        let change = row.optional_bool(reader, "change");
        let action = action(reader, &mut row, seed);
        if action.is_some() {
            row.finish(reader);
        }
        let unread = Action::Note {
            text: UNREAD.to_owned(),
        };
        Event {
            row: index,
            at_s: at_s + if at_s < FROM_START_S { 0.0 } else { later_s },
            change,
            action: action.unwrap_or(unread),
        }
    });
    let mut events: Vec<Event> = events.collect();
    // Stable: what is written for one moment stays in order.
    events.sort_by(|one, other| one.at_s.total_cmp(&other.at_s));
    events
}

/// What happens this early is how the world is from the start.
const FROM_START_S: f64 = 5.0;

/// Stands for an event that could not be read.
const UNREAD: &str = "unread";

#[derive(Clone, Copy)]
enum Kind {
    Deploy,
    Config,
    Import,
    Load,
    Note,
}

fn action(reader: &mut Reader<'_>, row: &mut Table<'_>, seed: u64) -> Option<Action> {
    let kinds = [
        ("deploy", Kind::Deploy),
        ("config", Kind::Config),
        ("import", Kind::Import),
        ("load", Kind::Load),
        ("note", Kind::Note),
    ];
    match row.choice(reader, "kind", &kinds)? {
        Kind::Deploy => {
            let service = row.choice(reader, "service", &SERVICES);
            let release = row.text(reader, "release");
            let instances = row.optional_texts(reader, "instances");
            Some(Action::Deploy {
                service: service?,
                release,
                instances,
            })
        }
        Kind::Config => {
            let target = row.choice(reader, "service", &TARGETS);
            if !row.has("settings") {
                reader.problem(
                    &row.key("settings"),
                    "is missing; add the settings that change as a table",
                );
            }
            let settings = target.map(|target| settings(reader, row, target));
            let summary = row.optional_text(reader, "summary");
            let author = row.optional_text(reader, "author");
            Some(Action::Config {
                target: target?,
                settings: settings?,
                summary,
                author,
            })
        }
        Kind::Import => Some(Action::Import {
            source: row.text(reader, "source"),
            imported: imported(reader, row)?,
            seed,
        }),
        Kind::Load => {
            let traffic = loadgen::Traffic {
                rate: row.optional_number(reader, "rate"),
                partner: row.typed(reader, "partner"),
            };
            Some(Action::Load {
                traffic,
                for_s: row.optional_number(reader, "for_s"),
            })
        }
        Kind::Note => Some(Action::Note {
            text: row.text(reader, "text"),
        }),
    }
}

/// What an import brings: `orders`, or `prices`.
fn imported(reader: &mut Reader<'_>, row: &mut Table<'_>) -> Option<Imported> {
    match row.has("prices") {
        true => row.typed(reader, "prices").map(Imported::Prices),
        false => {
            let orders = row.typed(reader, "orders").unwrap_or_default();
            Some(Imported::Orders(orders))
        }
    }
}

/// `[[remedy]]`.
pub(super) fn remedy(reader: &mut Reader<'_>, root: &mut Table<'_>) -> Vec<Remedy> {
    let rows = root.tables(reader, "remedy");
    rows.into_iter()
        .filter_map(|mut row| {
            let action = row.choice(
                reader,
                "action",
                &[
                    ("rollback", 0),
                    ("deploy", 1),
                    ("restart", 2),
                    ("config", 3),
                    ("skip", 4),
                    ("replay", 5),
                    ("revert", 6),
                ],
            )?;
            let mut service = || row.choice(reader, "service", &SERVICES);
            let remedy = match action {
                0 => Remedy::Rollback {
                    service: service()?,
                },
                1 => Remedy::Deploy {
                    service: service()?,
                    release: row.text(reader, "release"),
                },
                2 => Remedy::Restart {
                    service: service()?,
                },
                3 => Remedy::Config {
                    service: service()?,
                    settings: row.typed(reader, "settings").unwrap_or_default(),
                },
                4 => Remedy::Skip,
                5 => Remedy::Replay,
                _ => Remedy::Revert,
            };
            row.finish(reader);
            Some(remedy)
        })
        .collect()
}
