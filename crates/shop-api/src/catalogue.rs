//! The words that product names are made of, so that callers can search for products that exist.

use crate::Sku;

/// Products in a full catalogue: `sku-000001` to `sku-200000`.
pub const PRODUCTS: u32 = 200_000;

/// Categories, in the order of [`THINGS`].
pub const CATEGORIES: [&str; 8] = [
    "kitchen", "garden", "office", "bath", "outdoor", "lighting", "textile", "toys",
];

/// First word of a product's name.
pub const FINISHES: [&str; 16] = [
    "Amber", "Brushed", "Classic", "Copper", "Dappled", "Enamel", "Folded", "Glazed", "Hammered",
    "Ivory", "Linen", "Matte", "Nordic", "Painted", "Rustic", "Woven",
];

/// Second word of a product's name: five to a category.
pub const THINGS: [&str; 40] = [
    "Kettle",
    "Ladle",
    "Skillet",
    "Teapot",
    "Whisk", // kitchen
    "Trowel",
    "Planter",
    "Lantern",
    "Trellis",
    "Bucket", // garden
    "Stapler",
    "Notebook",
    "Inkwell",
    "Ruler",
    "Tray", // office
    "Towel",
    "Basin",
    "Mirror",
    "Sponge",
    "Caddy", // bath
    "Hammock",
    "Thermos",
    "Compass",
    "Tarp",
    "Stool", // outdoor
    "Lamp",
    "Sconce",
    "Candle",
    "Chandelier",
    "Torch", // lighting
    "Cushion",
    "Blanket",
    "Curtain",
    "Apron",
    "Quilt", // textile
    "Puzzle",
    "Kite",
    "Marbles",
    "Rocker",
    "Puppet", // toys
];

/// Families: one for each pair of finish and thing; products of a family share a description.
pub const FAMILIES: u32 = (FINISHES.len() * THINGS.len()) as u32;

/// The family of a product, from 0; products next to each other in rank belong to different families.
pub const fn family(sku: Sku) -> u32 {
    // 271 and the number of families have no common factor, so every family occurs.
    (sku.number().wrapping_mul(271)) % FAMILIES
}

/// `Copper Kettle 17`: finish, thing and the number within the family.
pub fn name(sku: Sku) -> String {
    let family = family(sku);
    format!(
        "{} {} {}",
        finish(family),
        thing(family),
        sku.number() / FAMILIES + 1
    )
}

/// The first word of a family's name.
pub fn finish(family: u32) -> &'static str {
    FINISHES[family as usize / THINGS.len() % FINISHES.len()]
}

/// The second word of a family's name.
pub fn thing(family: u32) -> &'static str {
    THINGS[family as usize % THINGS.len()]
}

/// The category of a family.
pub fn category(family: u32) -> &'static str {
    CATEGORIES[family as usize % THINGS.len() / (THINGS.len() / CATEGORIES.len())]
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_is_unique_and_every_family_occurs() {
        let skus = (1..=20_000).filter_map(Sku::new);
        let names: HashSet<String> = skus.clone().map(name).collect();
        assert_eq!(names.len(), 20_000);
        let families: HashSet<u32> = skus.map(family).collect();
        assert_eq!(families.len(), FAMILIES as usize);
    }

    #[test]
    fn a_thing_belongs_to_its_category() {
        assert_eq!((thing(0), category(0)), ("Kettle", "kitchen"));
        assert_eq!((thing(39), category(39)), ("Puppet", "toys"));
        assert_eq!((finish(40), thing(40)), ("Brushed", "Kettle"));
    }
}
