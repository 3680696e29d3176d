//! `profile cpu`: samples of a running service, as a flame graph.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use grader::evidence::{Look, LookKind};
use inferno::flamegraph::{self, Options};
use serde::Serialize;

use super::source::Live;
use crate::cli::evidence::{Profile, ProfileCommand, ProfileCpu};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::session::Instance;

#[derive(Debug, Serialize)]
struct Drawn<'a> {
    instance: &'a str,
    release: &'a str,
    seconds: u32,
    samples: u64,
    file: PathBuf,
}

/// Runs the profiler.
pub(super) fn run(context: &Context, args: &Profile) -> anyhow::Result<Outcome> {
    match &args.command {
        ProfileCommand::Cpu(args) => cpu(context, args),
    }
}

fn cpu(context: &Context, args: &ProfileCpu) -> anyhow::Result<Outcome> {
    let live = Live::connect(context)?;
    let instances = live.session.instances(&args.service)?;
    let Some(instance) = instances.first() else {
        return Err(Error::unknown("service", &args.service, []).into());
    };
    let seconds = args.seconds;
    let progress = context
        .console
        .progress(format!("sampling {} for {seconds} s", instance.instance));
    let path = format!("/debug/pprof/profile?seconds={seconds}&format=folded");
    let (folded, _) = live.admin(instance, &path, Duration::from_secs(seconds.into()))?;
    drop(progress);
    let folded = String::from_utf8(folded).context("folded stacks")?;
    live.note(&Look::by_command(
        LookKind::Profile,
        &instance.instance,
        context.now,
    ));
    let samples = samples(&folded);
    if samples == 0 {
        let message = format!("{} used no CPU in {seconds} s", instance.instance);
        return Err(Error::usage(
            message,
            "sample for longer, or send traffic with `firedrill request`",
        )
        .into());
    }
    let file = args
        .output
        .clone()
        .unwrap_or_else(|| default_file(&live, instance, context));
    if let Some(folder) = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("folder `{}`", folder.display()))?;
    }
    let title = format!(
        "{} {} · {seconds} s · {samples} samples",
        instance.instance, instance.release
    );
    std::fs::write(&file, draw(&folded, &title)?)
        .with_context(|| format!("flame graph `{}`", file.display()))?;
    let drawn = Drawn {
        instance: &instance.instance,
        release: &instance.release,
        seconds,
        samples,
        file,
    };
    if args.format.json {
        context.console.json(&drawn)?;
    } else {
        context.console.print(&format!(
            "{}: {samples} samples, {}\n",
            drawn.instance,
            drawn.file.display()
        ))?;
    }
    Ok(Outcome::Done)
}

fn default_file(live: &Live, instance: &Instance, context: &Context) -> PathBuf {
    let time = context.now.time();
    let name = format!(
        "{}-{:02}{:02}{:02}.svg",
        instance.instance,
        time.hour(),
        time.minute(),
        time.second()
    );
    live.session.folder.join("profile").join(name)
}

/// The sum of the counts at the end of each line.
fn samples(folded: &str) -> u64 {
    let counts = folded
        .lines()
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok());
    counts.sum()
}

fn draw(folded: &str, title: &str) -> anyhow::Result<Vec<u8>> {
    let mut options = Options::default();
    options.title = title.to_owned();
    options.count_name = "samples".to_owned();
    let mut svg = Vec::new();
    flamegraph::from_lines(&mut options, folded.lines(), &mut svg).context("flame graph")?;
    Ok(svg)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOLDED: &str =
        "tokio;inventory::route::product;rusqlite::step 40\ntokio;hyper::write 2\n";

    #[test]
    fn samples_are_the_counts_of_the_stacks() {
        assert_eq!(samples(FOLDED), 42);
        assert_eq!(samples(""), 0);
        assert_eq!(samples("nonsense\n"), 0);
    }

    #[test]
    fn the_flame_graph_names_every_function_and_the_instance() {
        let svg =
            String::from_utf8(draw(FOLDED, "inventory-1 2026.11.3").expect("draws")).expect("text");
        for part in [
            "<svg",
            "rusqlite::step",
            "hyper::write",
            "inventory-1 2026.11.3",
            "</svg>",
        ] {
            assert!(svg.contains(part), "{part}");
        }
    }
}
