//! Values in the form in which people write them, with the comments around them.

use toml_edit::{Array, Item, Table, TableLike, Value};

/// Sets a value; the comment behind it stays.
pub(super) fn put(table: &mut dyn TableLike, name: &str, mut value: Value) {
    match table.get_mut(name).and_then(Item::as_value_mut) {
        Some(present) => {
            *value.decor_mut() = present.decor().clone();
            *present = value;
        }
        None => {
            table.insert(name, Item::Value(value));
        }
    }
}

/// Adds to a list, which is made where there is none, and returns the index of the new item. From two items on, each
/// has a line of its own.
pub(super) fn push(
    table: &mut dyn TableLike,
    name: &str,
    value: Value,
) -> Result<usize, &'static str> {
    let item = table
        .entry(name)
        .or_insert_with(|| Item::Value(Value::Array(Array::new())));
    // One pointer may be written without brackets.
    if item.is_str() {
        let alone = std::mem::take(item).into_value().unwrap_or("".into());
        *item = Item::Value(Value::Array(Array::from_iter([alone])));
    }
    let list = item.as_array_mut().ok_or("is not a list")?;
    let index = list.len();
    let trailing = list.trailing().as_str().unwrap_or_default().to_owned();
    let has_lines = trailing.contains('\n') || list.iter().any(has_line);
    if index == 0 && !has_lines {
        list.push(value);
        return Ok(index);
    }
    if !has_lines {
        for present in list.iter_mut() {
            present.decor_mut().set_prefix("\n  ");
            present.decor_mut().set_suffix("");
        }
    }
    // A comment behind the last item stays behind it.
    let comment = trailing.trim_end();
    list.push_formatted(value.decorated(format!("{comment}\n  "), ""));
    list.set_trailing("\n");
    list.set_trailing_comma(true);
    Ok(index)
}

fn has_line(value: &Value) -> bool {
    let prefix = value.decor().prefix().and_then(|prefix| prefix.as_str());
    prefix.is_some_and(|prefix| prefix.contains('\n'))
}

/// Whether nothing in it is filled in, as in the template.
pub(super) fn is_blank(table: &Table) -> bool {
    table.iter().all(|(_, item)| {
        item.as_str().is_some_and(str::is_empty) || item.as_array().is_some_and(Array::is_empty)
    })
}
