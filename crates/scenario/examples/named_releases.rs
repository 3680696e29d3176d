//! `named_releases ID SEED`: what a write-up of a drill may name, as lines of a name and a release. `compose/drill` fills its
//! write-up with them; a responder reads them from the deploy log.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [id, seed] = arguments.as_slice() else {
        return Err("usage: named_releases ID SEED".into());
    };
    let drill = scenario::catalogue::load_for(id, seed.parse()?)?;
    for (name, release) in drill.named_releases() {
        println!("{name} {release}");
    }
    Ok(())
}
