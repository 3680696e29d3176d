//! `heap`: snapshots by allocation site, and the growth between two of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use grader::effect::heap::too_little;
use grader::evidence::{Look, LookKind, Snapshot, Snapshots};
use grader::heap::{self, Diff, Profile, Site, Symbols};
use schemars::JsonSchema;
use serde::Serialize;
use text::format;

use super::source::{self, Evidence, Live, Place};
use super::taken;
use crate::cli::Recorded;
use crate::cli::profile::{Heap, HeapCommand, HeapDiff, HeapShow, HeapSnapshot};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::terminal::table::{Align, Cell, Table};
use crate::terminal::{Ink, Style};

/// Runs one of the four.
pub(super) fn run(context: &Context, args: &Heap) -> anyhow::Result<Outcome> {
    match &args.command {
        HeapCommand::Snapshot(args) => snapshot(context, args),
        HeapCommand::List(args) => list(context, args),
        HeapCommand::Show(args) => show(context, args),
        HeapCommand::Diff(args) => diff(context, args),
    }
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HeapSnapshot")]
pub(super) struct Taken {
    #[serde(flatten)]
    meta: Snapshot,
    /// `None` if the snapshot cannot be read.
    in_use_bytes: Option<i64>,
}

fn snapshot(context: &Context, args: &HeapSnapshot) -> anyhow::Result<Outcome> {
    let live = Live::connect(context)?;
    let instances = live.session.instances(&args.service)?;
    let Some(instance) = instances.first() else {
        return Err(Error::unknown("service", &args.service, []).into());
    };
    let snapshots = Snapshots::open(&live.session.folder);
    vacant(&snapshots, &args.name, args.force)?;
    let progress = context
        .terminal
        .progress(format!("taking a snapshot of {}", instance.instance));
    let (bytes, instance) = live.admin(instance, "/debug/pprof/heap", Duration::ZERO)?;
    drop(progress);
    let profile = Profile::parse(&bytes)?;
    let in_use_bytes = profile.bytes();
    let meta = Snapshot {
        name: args.name.clone(),
        service: instance.service.clone(),
        instance: instance.instance.clone(),
        release: instance.release.clone(),
        at: time::OffsetDateTime::now_utc(),
        executable: executable(instance.pid)?,
    };
    if args.force {
        remove(&live.session.folder, &args.name)?;
    }
    store(&snapshots, &meta, bytes, &profile)?;
    let what = format!("snapshot {} of {}", meta.name, meta.instance);
    live.note(&Look::by_command(LookKind::Heap, what, context.now));
    if instances.len() > 1 {
        let names: Vec<&str> = instances
            .iter()
            .map(|instance| instance.instance.as_str())
            .collect();
        context.terminal.note(&format!(
            "{} has {}; this is {}",
            args.service,
            names.join(" and "),
            meta.instance
        ));
    }
    let size = format::bytes(in_use_bytes as f64);
    if args.format.json {
        let in_use_bytes = Some(in_use_bytes);
        context.terminal.json(&Taken { meta, in_use_bytes })?;
    } else {
        context.terminal.print(&format!(
            "{}: {size} in use on {} ({})\n",
            meta.name, meta.instance, meta.release
        ))?;
    }
    Ok(Outcome::Done)
}

/// Whether the snapshot may have its name. Asked before it is taken: later, the answer would come too late.
fn vacant(snapshots: &Snapshots, name: &str, force: bool) -> Result<(), Error> {
    let hint = "choose another name, or overwrite it with `--force`";
    match snapshots.vacant(name) {
        Err(error) if !force => Err(Error::usage(error.to_string(), hint)),
        // What is there is removed once the new one is.
        _ => Ok(()),
    }
}

/// Saves a snapshot with the names of its functions, and its sites beside it.
fn store(
    snapshots: &Snapshots,
    meta: &Snapshot,
    bytes: Vec<u8>,
    profile: &Profile,
) -> anyhow::Result<()> {
    // Now the executable is there. If it has no symbols, the comparison says so.
    let Ok(symbols) = Symbols::load(&meta.executable) else {
        return snapshots.save(meta, &bytes).map_err(source::explain);
    };
    let named = heap::named(&bytes, &symbols)?;
    snapshots.save(meta, &named).map_err(source::explain)?;
    let sites = heap::sites(profile, &symbols);
    snapshots
        .save_sites(&meta.name, &sites)
        .map_err(source::explain)
}

/// The file that names the addresses of a process; ours where the system does not tell, for it starts the services too.
fn executable(pid: u32) -> std::io::Result<PathBuf> {
    match std::fs::read_link(format!("/proc/{pid}/exe")) {
        Ok(path) if path.is_file() => Ok(path),
        _ => std::env::current_exe(),
    }
}

fn remove(folder: &Path, name: &str) -> anyhow::Result<()> {
    for extension in ["pb.gz", "sites", "json"] {
        match std::fs::remove_file(folder.join("heap").join(format!("{name}.{extension}"))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    Ok(())
}

fn list(context: &Context, args: &Recorded) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.run.as_deref())?;
    let snapshots = Snapshots::open(&place.folder);
    let mut all = Vec::new();
    for meta in snapshots.list().map_err(source::explain)? {
        let sites = heap::read(&snapshots, &meta.name).ok();
        let in_use_bytes = sites.map(|sites| sites.iter().map(|site| site.bytes).sum());
        all.push(Taken { meta, in_use_bytes });
    }
    if args.format.json {
        context.terminal.json(&all)?;
        return Ok(Outcome::Done);
    }
    let rows = all.iter().map(|Taken { meta, in_use_bytes }| taken::Row {
        name: &meta.name,
        instance: &meta.instance,
        release: &meta.release,
        at: meta.at,
        numbers: [taken::number(*in_use_bytes, |bytes| {
            format::bytes(bytes as f64)
        })],
    });
    let advice = "no snapshots yet: `firedrill heap snapshot NAME SERVICE` takes one";
    taken::print(context, ["IN USE"], rows, advice)
}

fn show(context: &Context, args: &HeapShow) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let snapshots = Snapshots::open(&place.folder);
    let progress = context.terminal.progress("reading the snapshot");
    let meta = known(&snapshots, &args.name)?;
    let mut sites = heap::read(&snapshots, &args.name)?;
    drop(progress);
    let total = sites.iter().map(|site| site.bytes).sum();
    sites.truncate(args.top);
    let what = format!("sites of {}", args.name);
    place.note(&Look::by_command(LookKind::Heap, what, context.now));
    if args.recorded.format.json {
        context.terminal.json(&sites)?;
    } else {
        let head = format!(
            "{} on {} ({}): {} in use\n",
            meta.name,
            meta.instance,
            meta.release,
            format::bytes(total as f64)
        );
        let table = render_sites(&sites, total, context.terminal.out, context.terminal.width);
        context.terminal.print(&format!("{head}{table}"))?;
    }
    Ok(Outcome::Done)
}

fn diff(context: &Context, args: &HeapDiff) -> anyhow::Result<Outcome> {
    let place = Place::of(context, args.recorded.run.as_deref())?;
    let snapshots = Snapshots::open(&place.folder);
    let before = known(&snapshots, &args.before)?;
    let after = known(&snapshots, &args.after)?;
    let progress = context.terminal.progress("comparing the snapshots");
    let mut diff = heap::compare(&snapshots, &args.before, &args.after)?;
    drop(progress);
    diff.growth.truncate(args.top);
    let what = format!("{}..{}", args.before, args.after);
    place.note(&Look::by_command(LookKind::Heap, what, context.now));
    if args.recorded.format.json {
        context.terminal.json(&diff)?;
    } else {
        let text = render_diff(
            &diff,
            &before,
            &after,
            context.terminal.out,
            context.terminal.width,
        );
        context.terminal.print(&text)?;
        if let Some(advice) = too_little(&diff) {
            context.terminal.note(&advice);
        }
        if place.is_live {
            resident(context, &after.instance);
        }
    }
    Ok(Outcome::Done)
}

/// Memory in use and memory held differ; while the drill runs, both are told.
fn resident(context: &Context, instance: &str) {
    let expr = |metric: &str| {
        format!(
            "{metric}{{instance={}}}",
            grader::evidence::prometheus::quote(instance)
        )
    };
    // An extra that cannot be had is left out.
    let Ok(live) = Evidence::open(context, None) else {
        return;
    };
    let now = |metric: &str| {
        live.ask(live.sources.prometheus.query(&expr(metric), context.now))
            .ok()
            .and_then(|value| value.single())
    };
    let (allocated, resident) = (
        now("allocator_allocated_bytes"),
        now("process_resident_memory_bytes"),
    );
    if let (Some(allocated), Some(resident)) = (allocated, resident) {
        context.terminal.note(&format!(
            "{instance} now: {} in use, {} resident",
            format::bytes(allocated),
            format::bytes(resident)
        ));
    }
}

fn known(snapshots: &Snapshots, name: &str) -> anyhow::Result<Snapshot> {
    let all = snapshots.list().map_err(source::explain)?;
    match all.iter().find(|meta| meta.name == name) {
        Some(meta) => Ok(meta.clone()),
        None => {
            Err(Error::unknown("snapshot", name, all.iter().map(|meta| meta.name.as_str())).into())
        }
    }
}

fn render_sites(sites: &[Site], total: i64, style: Style, columns: usize) -> String {
    let mut table = Table::new(&[
        ("IN USE", Align::Right),
        ("SHARE", Align::Right),
        ("OBJECTS", Align::Right),
        ("FUNCTION", Align::Left),
    ]);
    for site in sites {
        table.row([
            Cell::new(Ink::Heading, format::bytes(site.bytes as f64)),
            share(site.bytes, total).into(),
            site.objects
                .map(|objects| objects.to_string())
                .unwrap_or_default()
                .into(),
            site.function.as_str().into(),
        ]);
    }
    table.render(style, columns)
}

fn render_diff(
    diff: &Diff,
    before: &Snapshot,
    after: &Snapshot,
    style: Style,
    columns: usize,
) -> String {
    let seconds = (after.at - before.at).whole_seconds().unsigned_abs();
    let mut lines = format!(
        "{}: {} → {} in use over {}, {}\n",
        after.instance,
        format::bytes(diff.bytes_before as f64),
        format::bytes(diff.bytes_after as f64),
        format::elapsed(seconds),
        signed(diff.bytes()),
    );
    if before.instance != after.instance {
        lines.push_str(&style.paint(
            Ink::Warning,
            &format!(
                "the snapshots are of different instances: {} and {}\n",
                before.instance, after.instance
            ),
        ));
    }
    let mut table = Table::new(&[
        ("GROWTH", Align::Right),
        ("SHARE", Align::Right),
        ("BEFORE", Align::Right),
        ("AFTER", Align::Right),
        ("FUNCTION", Align::Left),
    ]);
    for growth in &diff.growth {
        let ink = if growth.bytes() > 0 {
            Ink::Warning
        } else {
            Ink::Good
        };
        table.row([
            Cell::new(ink, signed(growth.bytes())),
            share(growth.bytes(), diff.bytes()).into(),
            format::bytes(growth.bytes_before as f64).into(),
            format::bytes(growth.bytes_after as f64).into(),
            growth.function.as_str().into(),
        ]);
    }
    lines.push_str(&table.render(style, columns));
    lines
}

fn signed(bytes: i64) -> String {
    let sign = if bytes > 0 { "+" } else { "" };
    format!("{sign}{}", format::bytes(bytes as f64))
}

/// A share of a total in percent; of nothing and of a shrinking total there is none.
fn share(part: i64, total: i64) -> String {
    if total <= 0 || part < 0 {
        return String::new();
    }
    format!("{:.0} %", part as f64 / total as f64 * 100.0)
}

#[cfg(test)]
mod tests {
    use grader::heap::Growth;

    use super::*;

    fn meta(name: &str, minute: u8) -> Snapshot {
        Snapshot {
            name: name.to_owned(),
            service: "gateway".to_owned(),
            instance: "gateway-1".to_owned(),
            release: "2026.11.3".to_owned(),
            at: time::macros::datetime!(2026-11-23 14:00:00 UTC)
                + time::Duration::minutes(minute.into()),
            executable: "/bin/x".into(),
        }
    }

    #[test]
    fn a_name_is_taken_by_any_file_of_a_snapshot() {
        let folder = tempfile::tempdir().expect("a folder");
        let snapshots = Snapshots::open(folder.path());
        assert!(vacant(&snapshots, "before", false).is_ok());
        let heaps = folder.path().join("heap");
        std::fs::create_dir(&heaps).expect("a folder");
        std::fs::write(heaps.join("before.pb.gz"), "half").expect("a file");
        let refused = vacant(&snapshots, "before", false).expect_err("it is taken");
        assert!(refused.to_string().contains("already exists"), "{refused}");
        assert!(vacant(&snapshots, "before", true).is_ok());
    }

    #[test]
    fn growth_is_listed_by_function_with_its_share() {
        let growth = |function: &str, before: i64, after: i64| Growth {
            function: function.to_owned(),
            bytes_before: before,
            bytes_after: after,
            objects: None,
            stack: Vec::new(),
        };
        let diff = Diff {
            bytes_before: 10 << 20,
            bytes_after: 20 << 20,
            growth: vec![
                growth("gateway::pages::Pages::store", 1 << 20, 11 << 20),
                growth("hyper::buf", 4096, 2048),
            ],
        };
        insta::assert_snapshot!(render_diff(&diff, &meta("a", 0), &meta("b", 2), Style::PLAIN, 100), @r"
        gateway-1: 10.0 MiB → 20.0 MiB in use over 2m 00s, +10.0 MiB
           GROWTH  SHARE    BEFORE     AFTER  FUNCTION
        +10.0 MiB  100 %  1.00 MiB  11.0 MiB  gateway::pages::Pages::store
        -2.00 KiB         4.00 KiB  2.00 KiB  hyper::buf
        ");
    }

    #[test]
    fn sites_are_listed_with_their_share_of_all() {
        let site = Site {
            function: "gateway::f".to_owned(),
            bytes: 512,
            objects: Some(3),
            stack: Vec::new(),
        };
        insta::assert_snapshot!(render_sites(&[site], 1024, Style::PLAIN, 100), @r"
        IN USE  SHARE  OBJECTS  FUNCTION
         512 B   50 %        3  gateway::f
        ");
    }
}
