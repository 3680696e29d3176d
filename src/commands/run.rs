//! `firedrill run` and `firedrill up`: start everything and stay until the end.

mod audience;
mod event;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::drill::{Chosen, Ending, Options, Reader};
use grader::WriteUp;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use scenario::{Degraded, Family, Open, Scenario, catalogue, degraded};
use stack::backend::{self, Addresses, Kind, Wanted};
use stack::port::Choice;

use super::console::{self, Console, Execute};
use crate::call::line;
use crate::cli::drill::{self, Backends, Ports};
use crate::context::Context;
use crate::error::{Error, Outcome};
use crate::report;
use audience::TerminalAudience;

pub(super) use event::LOCAL_TIME;

/// The gateway's well-known port.
const GATEWAY_PORT: u16 = 8080;

/// A drill from start to grade.
pub(super) fn run(
    context: &Context,
    args: &drill::Run,
    execute: Execute,
) -> anyhow::Result<Outcome> {
    let seed = args
        .stack
        .seed
        .unwrap_or_else(|| rand::rng().random_range(1..1_000_000));
    let chosen = match (&args.file, &args.id) {
        (Some(path), _) => from_file(path, seed)?,
        (None, Some(id)) => from_catalogue(id, seed)?,
        (None, None) => blind(args.level, args.degraded, seed)?,
    };
    if let (Some(degraded), Some(id)) = (args.degraded, &args.id) {
        settled_without(degraded, id)?;
    }
    let named = args.file.is_some() || args.id.is_some();
    let options = options(context, &args.stack, Some(seed), Some(chosen), named)?;
    let console = Console::start(context, console_port(&args.stack), execute)?;
    let audience = TerminalAudience::new(context.terminal.clone(), args.stack.format, true);
    let options = Options {
        until_eof: args.until_eof,
        degraded: args.degraded,
        console: console.url(),
        ..options
    };
    run_to_end(context, options, audience, &console)
}

/// The shop with no incident.
pub(super) fn up(context: &Context, args: &drill::Up, execute: Execute) -> anyhow::Result<Outcome> {
    let usual = options(context, &args.stack, args.stack.seed, None, false)?;
    let console = Console::start(context, console_port(&args.stack), execute)?;
    let options = Options {
        rate: args.rate,
        telemetry: !args.no_telemetry,
        console: console.url(),
        ..usual
    };
    let audience = TerminalAudience::new(context.terminal.clone(), args.stack.format, false);
    run_to_end(context, options, audience, &console)
}

fn run_to_end(
    context: &Context,
    options: Options,
    terminal: Arc<TerminalAudience>,
    console: &Console,
) -> anyhow::Result<Outcome> {
    // A program that ends a drill by closing its input reads no page.
    let is_attended = !options.until_eof;
    let ending = ::drill::run(options, &context.state, Arc::clone(&terminal) as _);
    // An error is not to be drawn over.
    terminal.started();
    let ending = ending?;
    let is_graded = matches!(ending, Ending::Done | Ending::NotPassed);
    if is_attended
        && is_graded
        && let Err(error) = console.linger(context)
    {
        // The grade stands.
        let note = format!("the console cannot show the record: {error:#}");
        context.terminal.note(&note);
    }
    Ok(match ending {
        Ending::Done => Outcome::Done,
        Ending::Stopped => {
            terminal.stopped();
            Outcome::Done
        }
        Ending::NotPassed => Outcome::NotPassed,
        Ending::Void => Outcome::Void,
    })
}

fn from_catalogue(id: &str, seed: u64) -> anyhow::Result<Chosen> {
    let file = catalogue::file(id)?;
    let drill = file.drill(seed).map_err(catalogue::Error::Invalid)?;
    Ok(chosen(drill, file.text.to_owned()))
}

fn from_file(path: &Path, seed: u64) -> anyhow::Result<Chosen> {
    let text = super::check::read(path)?;
    let drill = Scenario::arranged(&path.display().to_string(), &text, seed);
    Ok(chosen(drill.map_err(Error::Scenario)?, text))
}

fn chosen((scenario, arranged): (Scenario, String), original: String) -> Chosen {
    Chosen {
        scenario,
        original: original.into_bytes(),
        arranged: arranged.into_bytes(),
    }
}

/// Refuses a drill whose cause cannot be found without the missing telemetry.
fn settled_without(degraded: Degraded, id: &str) -> anyhow::Result<()> {
    let settled = degraded::settled(degraded);
    if settled.contains(id) {
        return Ok(());
    }
    let others: Vec<&str> = settled.iter().map(String::as_str).collect();
    Err(Error::usage(
        format!(
            "the cause of `{id}` cannot be told from others with `--degraded {}`: {}",
            degraded.name(),
            degraded.about()
        ),
        format!("it can be in {}", others.join(", ")),
    )
    .into())
}

/// Any drill of that level. Not drawn from the seed: a seed that is told must not tell the drill.
fn blind(level: Option<u8>, degraded: Option<Degraded>, seed: u64) -> anyhow::Result<Chosen> {
    let open = catalogue::list()?;
    let settled = degraded.map(degraded::settled);
    let is_wanted = |open: &&Open| {
        level.is_none_or(|level| open.level == level)
            && settled.as_ref().is_none_or(|ids| ids.contains(&open.id))
    };
    let wanted: Vec<_> = open.iter().filter(is_wanted).collect();
    let chosen = draw(&wanted, &mut rand::rng()).ok_or_else(|| {
        let level = level.unwrap_or_default();
        let missing = match degraded {
            Some(_) => " and can be told from others without what is missing",
            None => "",
        };
        Error::usage(
            format!("no drill has level {level}{missing}"),
            "`firedrill list` shows the drills",
        )
    })?;
    from_catalogue(&chosen.id, seed)
}

/// A family first, then one of its drills, so that a family with many members does not come up more often.
fn draw<'o>(wanted: &[&'o Open], rng: &mut impl rand::Rng) -> Option<&'o Open> {
    let mut families: Vec<Family> = wanted.iter().map(|open| open.family).collect();
    families.sort_unstable();
    families.dedup();
    let family = *families.choose(rng)?;
    let members: Vec<&Open> = wanted
        .iter()
        .copied()
        .filter(|open| open.family == family)
        .collect();
    members.choose(rng).copied()
}

fn options(
    context: &Context,
    stack: &drill::Stack,
    seed: Option<u64>,
    drill: Option<Chosen>,
    named: bool,
) -> anyhow::Result<Options> {
    let standard = stack.ports == Ports::Standard;
    let choice = |asked: Option<u16>, usual: Choice| {
        asked.map_or(if standard { usual } else { Choice::Free }, Choice::Fixed)
    };
    let usual = backend::Ports::well_known();
    Ok(Options {
        drill,
        named,
        seed,
        pace: stack.pace,
        degraded: None,
        gateway: choice(stack.gateway_port, Choice::Preferred(GATEWAY_PORT)),
        backend: kind(context, &stack.backends)?,
        ports: backend::Ports {
            jaeger: choice(stack.jaeger_port, usual.jaeger),
            otlp_grpc: choice(stack.otlp_grpc_port, usual.otlp_grpc),
            otlp_http: choice(stack.otlp_http_port, usual.otlp_http),
            prometheus: choice(stack.prometheus_port, usual.prometheus),
        },
        cache: cache_dir(context),
        managers: super::manage::managers(&context.terminal, &stack.managers)?,
        webhook: super::manage::webhook(&context.terminal, &stack.pager)?,
        telemetry: true,
        rate: None,
        until_eof: false,
        console: String::new(),
        reader: Reader {
            write_up: read,
            reproduction: line::requests,
        },
    })
}

fn console_port(stack: &drill::Stack) -> Choice {
    let usual = match stack.ports {
        Ports::Standard => Choice::Preferred(console::PORT),
        Ports::Auto => Choice::Free,
    };
    stack.console_port.map_or(usual, Choice::Fixed)
}

/// Reads a write-up whose file is not known here.
fn read(text: &str) -> Result<WriteUp, Vec<String>> {
    report::parse("write-up", text)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn kind(context: &Context, asked: &Backends) -> anyhow::Result<Kind> {
    let belongs = |is_given: bool, flag: &str, to: &str| match is_given {
        false => Ok(()),
        true => Err(Error::usage(
            format!("`{flag}` is for {to} backends only"),
            format!("add `--backend {to}`"),
        )),
    };
    if asked.backend != drill::Backend::Native {
        for (bin, flag) in [
            (&asked.jaeger_bin, "--jaeger-bin"),
            (&asked.prometheus_bin, "--prometheus-bin"),
            (&asked.alertmanager_bin, "--alertmanager-bin"),
        ] {
            belongs(bin.is_some(), flag, "native")?;
        }
    }
    if asked.backend != drill::Backend::External {
        for (url, flag) in [
            (&asked.otlp, "--otlp"),
            (&asked.jaeger, "--jaeger"),
            (&asked.prometheus, "--prometheus"),
        ] {
            belongs(url.is_some(), flag, "external")?;
        }
    }
    let url = |given: &Option<String>| {
        let url = given.as_deref().unwrap_or_default();
        url.trim_end_matches('/').to_owned()
    };
    Ok(match asked.backend {
        drill::Backend::Embedded => Kind::Embedded,
        drill::Backend::Native => Kind::Native(Wanted {
            jaeger: asked.jaeger_bin.clone(),
            prometheus: asked.prometheus_bin.clone(),
            alertmanager: asked.alertmanager_bin.clone(),
            folders: program_folders(),
        }),
        drill::Backend::External => Kind::External(Addresses {
            otlp: url(&asked.otlp),
            jaeger: url(&asked.jaeger),
            prometheus: url(&asked.prometheus),
            folder: context.state.path().join("external"),
        }),
    })
}

/// Where programs are looked for: a folder for them alone, if there is one, then PATH.
fn program_folders() -> Vec<PathBuf> {
    let tools = std::env::var_os("FIREDRILL_TOOLS").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    tools
        .into_iter()
        .chain(std::env::split_paths(&path))
        .collect()
}

/// The XDG cache folder of this program: what is in it can be made again. Without a home it is in the state folder.
fn cache_dir(context: &Context) -> PathBuf {
    let of = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base = of("XDG_CACHE_HOME").or_else(|| Some(of("HOME")?.join(".cache")));
    base.map_or_else(
        || context.state.path().join("cache"),
        |base| base.join("firedrill"),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::SeedableRng as _;

    use super::*;

    #[test]
    fn a_blind_choice_takes_every_family_as_often_and_every_drill_in_the_end() {
        let open = catalogue::list().expect("the catalogue is valid");
        let all: Vec<&Open> = open.iter().collect();
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let (mut families, mut ids) = (BTreeMap::new(), BTreeMap::new());
        for _ in 0..2_000 {
            let drawn = draw(&all, &mut rng).expect("there are drills");
            *families.entry(drawn.family).or_insert(0) += 1;
            *ids.entry(&drawn.id).or_insert(0) += 1;
        }
        assert_eq!(ids.len(), open.len());
        assert!(
            families.values().all(|count| (320..=480).contains(count)),
            "{families:?}"
        );
        assert!(draw(&[], &mut rng).is_none());
    }
}
