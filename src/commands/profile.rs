//! `profile`: samples of a running service, as a flame graph, and what they say by function.

pub(super) mod shown;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use grader::effect::profile::{MIN_SAMPLES, stacks};
use grader::evidence::{Look, LookKind};
use inferno::flamegraph::{self, Options};
use record::{Profile, Profiles};
use schemars::JsonSchema;
use serde::Serialize;

use super::source::{Live, explain};
use crate::cli::profile::{Profile as Args, ProfileCommand, ProfileCpu};
use crate::context::Context;
use crate::error::{Error, Outcome};
use drill::session::Instance;

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CpuProfile")]
pub(super) struct Drawn {
    #[serde(flatten)]
    meta: Profile,
    samples: u64,
    file: PathBuf,
}

/// Runs one of the four.
pub(super) fn run(context: &Context, args: &Args) -> anyhow::Result<Outcome> {
    match &args.command {
        ProfileCommand::Cpu(args) => cpu(context, args),
        ProfileCommand::List(args) => shown::list(context, args),
        ProfileCommand::Show(args) => shown::show(context, args),
        ProfileCommand::Diff(args) => shown::diff(context, args),
    }
}

fn cpu(context: &Context, args: &ProfileCpu) -> anyhow::Result<Outcome> {
    let live = Live::connect(context)?;
    let instances = live.session.instances(&args.service)?;
    let Some(instance) = instances.first() else {
        return Err(Error::unknown("service", &args.service, []).into());
    };
    let seconds = args.seconds;
    let name = args.name.clone().unwrap_or_else(|| name(instance, context));
    let profiles = Profiles::open(&live.session.folder);
    // Checked before sampling, so that a taken name does not cost the profile.
    profiles.vacant(&name).map_err(explain)?;
    let folded = sampled(context, &live, instance, seconds)?;
    let samples = samples(&folded);
    let meta = Profile {
        name: name.clone(),
        service: instance.service.clone(),
        instance: instance.instance.clone(),
        release: instance.release.clone(),
        at: time::OffsetDateTime::now_utc(),
        seconds,
    };
    profiles.save(&meta, folded.as_bytes()).map_err(explain)?;
    let beside = || {
        live.session
            .folder
            .join("profile")
            .join(format!("{name}.svg"))
    };
    let file = args.output.clone().unwrap_or_else(beside);
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
        meta,
        samples,
        file,
    };
    if args.format.json {
        context.terminal.json(&drawn)?;
    } else {
        context.terminal.print(&format!(
            "{name}: {samples} samples of {}, {}\n",
            drawn.meta.instance,
            drawn.file.display()
        ))?;
        if samples < MIN_SAMPLES {
            context.terminal.note(&format!(
                "evidence wants {MIN_SAMPLES} samples: sample for longer, or send traffic"
            ));
        }
    }
    Ok(Outcome::Done)
}

/// Samples an instance for so long; its stacks, folded. One that used no CPU is an error.
fn sampled(
    context: &Context,
    live: &Live,
    instance: &Instance,
    seconds: u32,
) -> anyhow::Result<String> {
    let progress = context
        .terminal
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
    if samples(&folded) == 0 {
        let message = format!("{} used no CPU in {seconds} s", instance.instance);
        return Err(Error::usage(
            message,
            "sample for longer, or send traffic with `firedrill request`",
        )
        .into());
    }
    Ok(folded)
}

/// What a profile is called that has no name.
fn name(instance: &Instance, context: &Context) -> String {
    let (hour, minute, second) = context.now.time().as_hms();
    format!("{}-{hour:02}{minute:02}{second:02}", instance.instance)
}

fn samples(folded: &str) -> u64 {
    stacks(folded).map(|(_, count)| count).sum()
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
