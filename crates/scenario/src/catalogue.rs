//! The scenario files that are part of the program.

use text::Problem;

use crate::{Open, Scenario};

/// Why a drill of the catalogue cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none of that name.
    #[error("there is no drill `{id}`")]
    Unknown {
        /// What was asked for.
        id: String,
        /// Names that look like it, best first.
        nearest: Vec<&'static str>,
    },
    /// Files of the catalogue have problems.
    #[error("the catalogue has {}", text::format::counted(.0.len(), "problem"))]
    Invalid(Vec<Problem>),
}

/// A scenario file as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct File {
    /// The name for messages, relative to the repository.
    pub path: &'static str,
    /// The id, which is the file's name.
    pub id: &'static str,
    /// The whole file.
    pub text: &'static str,
}

macro_rules! files {
    ($($id:literal),+ $(,)?) => {
        &[$(File {
            path: concat!("scenarios/", $id, ".toml"),
            id: $id,
            text: include_str!(concat!("../../../scenarios/", $id, ".toml")),
        }),+]
    };
}

/// Every file, by id. A test compares the list with the folder.
pub const FILES: &[File] = files![
    "after-the-rush",
    "cannot-save",
    "checkout-stalls",
    "deliveries-lag",
    "deliveries-late",
    "deliveries-stop",
    "edge-refuses",
    "error-spike",
    "memory-climbs",
    "memory-creeps",
    "memory-growth",
    "memory-rise",
    "metrics-grow",
    "noisy-warnings",
    "orders-cut-off",
    "orders-drag",
    "orders-fail-again",
    "orders-in-waves",
    "orders-queue",
    "orders-take-long",
    "orders-time-out",
    "orders-wait",
    "slow-checkout",
    "some-orders-fail",
    "try-again-later",
    "unknown-callers",
    "warehouse-waits",
    "warnings-at-peak"
];

/// The file of a drill; names that look like the id are suggested when there is none.
pub fn file(id: &str) -> Result<&'static File, Error> {
    FILES
        .iter()
        .find(|file| file.id == id)
        .ok_or_else(|| Error::Unknown {
            id: id.to_owned(),
            nearest: text::nearest(id, FILES.iter().map(|file| file.id)),
        })
}

impl File {
    /// The file as one drill of a seed, and that drill.
    pub fn drill(&self, seed: u64) -> Result<(Scenario, String), Vec<Problem>> {
        Scenario::arranged(self.path, self.text, seed)
    }
}

/// The drill of that id as any seed makes it: what is asked of it does not depend on the releases.
pub fn load(id: &str) -> Result<Scenario, Error> {
    load_for(id, 0)
}

/// The drill of that id and seed.
pub fn load_for(id: &str, seed: u64) -> Result<Scenario, Error> {
    let drill = file(id)?.drill(seed).map_err(Error::Invalid)?;
    Ok(drill.0)
}

/// All drills, as far as they may be shown, by level and id; all problems of all files when there are any.
pub fn list() -> Result<Vec<Open>, Error> {
    let mut drills = Vec::new();
    let mut problems: Vec<Problem> = Vec::new();
    for file in FILES {
        match Scenario::as_written(file.path, file.text) {
            Ok(scenario) => drills.push(scenario.open()),
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    drills.sort_by(|a, b| (a.level, &a.id).cmp(&(b.level, &b.id)));
    Ok(drills)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_name_every_drill_in_its_family_with_its_level() {
        let page = |path: &str| {
            let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
            std::fs::read_to_string(path).expect("a page")
        };
        let (drills, changes) = (page("docs/drills.md"), page("CHANGELOG.md"));
        let mut missing = Vec::new();
        for Open {
            id, family, level, ..
        } in list().expect("valid files")
        {
            let begins = format!("| `{}` |", family.name());
            let row = drills.lines().find(|line| line.starts_with(&begins));
            let is_in_family = row.is_some_and(|row| row.contains(&format!("`{id}` ({level})")));
            let is_measured = drills.contains(&format!("\n| `{id}` | "));
            let is_told = changes.contains(&format!("`{id}`"));
            if !(is_in_family && is_measured && is_told) {
                missing.push(format!(
                    "{id}: family {is_in_family}, measured {is_measured}, told {is_told}"
                ));
            }
        }
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn the_catalogue_holds_every_file_of_the_folder() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios");
        let entries = std::fs::read_dir(folder).expect("scenarios folder");
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.expect("entry").file_name().into_string().ok())
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        names.sort_unstable();
        let ids: Vec<&str> = FILES.iter().map(|file| file.id).collect();
        assert_eq!(ids, names);
    }

    #[test]
    fn every_drill_of_the_catalogue_is_valid() {
        for (file, seed) in FILES
            .iter()
            .flat_map(|file| (0..40).map(move |seed| (file, seed)))
        {
            if let Err(problems) = file.drill(seed) {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                panic!("seed {seed}: {}", lines.join("\n"));
            }
        }
    }

    #[test]
    fn every_incident_can_be_reproduced() {
        for file in FILES {
            let (scenario, _) = file.drill(0).expect("valid");
            let is_asked = scenario.rubric.reproduction.is_some();
            assert_ne!(is_asked, scenario.is_control(), "{}", file.id);
        }
    }

    #[test]
    fn an_id_that_does_not_exist_is_answered_with_one_that_does() {
        let error = load("slow-chekout").expect_err("no such drill");
        let expected = "Unknown { id: \"slow-chekout\", nearest: [\"slow-checkout\"] }";
        assert_eq!(format!("{error:?}"), expected);
    }
}
