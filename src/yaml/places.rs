//! Where many nodes stand in a text, found in one pass.
//!
//! The YAML reader tells a place only in an error. A key or scalar that fails is read all the same, so the pass goes on
//! behind it. Lists and maps cannot fail so, and are looked up one by one.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::mask;
use super::merge_keys;
use super::path::{NodePath, Step};
use super::place::{Part, Place, offset, place_at, single};
use super::tree::{self, Node};

/// Bytes that are read to look up nodes one by one.
const BUDGET: usize = 8 << 20;

/// The places of nodes, or of the nearest nodes above them that can be found.
pub(crate) fn places(text: &str, origin: &str, wanted: &[(&NodePath, Part)]) -> Vec<Option<Place>> {
    let masked = mask::mask(text);
    let Ok(root) = tree::read(&masked, "file") else { return vec![None; wanted.len()] };
    let mut wishes = SoughtNodes::default();
    let mut paths = Vec::with_capacity(wanted.len());
    for (number, (at, part)) in wanted.iter().enumerate() {
        let steps = merge_keys::written_path(&root, &at.0);
        // An entry of a list has no key.
        let part = if matches!(steps.last(), Some(Step::Key(_))) { *part } else { Part::Value };
        if part == Part::Key || is_scalar(&root, &steps) {
            wishes.add(&steps, part, number);
        }
        paths.push((steps, part));
    }
    let found = RefCell::new(vec![None; wanted.len()]);
    if let Some(document) = serde_yaml::Deserializer::from_str(&masked).next() {
        let _ = Pass { wishes: &wishes, found: &found }.deserialize(document);
    }
    let mut budget = BUDGET;
    let places = found.into_inner().into_iter().zip(paths).map(|(found, (steps, part))| {
        let (line, column) = found.or_else(|| {
            budget = budget.checked_sub(masked.len())?;
            single(&masked, steps, part)
        })?;
        Some(place_at(text, origin, offset(text, line, column)))
    });
    places.collect()
}

fn is_scalar(root: &Node, steps: &[Step]) -> bool {
    let mut node = root;
    for step in steps {
        let next = match (step, node) {
            (Step::Index(index), Node::List(entries)) => entries.get(*index),
            (Step::Key(key), Node::Map(_)) => node.get(key),
            _ => None,
        };
        let Some(next) = next else { return false };
        node = next;
    }
    !matches!(node, Node::List(_) | Node::Map(_)) && !steps.is_empty()
}

/// What is looked for at a node and below it, by its number.
#[derive(Default)]
struct SoughtNodes {
    key: Vec<usize>,
    value: Vec<usize>,
    below: BTreeMap<Step, SoughtNodes>,
}

impl SoughtNodes {
    fn add(&mut self, steps: &[Step], part: Part, number: usize) {
        let node = steps.iter().fold(self, |node, step| node.below.entry(step.clone()).or_default());
        match part {
            Part::Key => node.key.push(number),
            Part::Value => node.value.push(number),
        }
    }
}

type Found = RefCell<Vec<Option<(usize, usize)>>>;

#[derive(Clone, Copy)]
struct Pass<'a> {
    wishes: &'a SoughtNodes,
    found: &'a Found,
}

const FOUND: &str = "a node that was looked for";

/// Notes the line and column that an error names for everything in `numbers`.
fn note(found: &Found, numbers: &[usize], error: &dyn fmt::Display) {
    let message = error.to_string();
    let place = message.rsplit_once(" at line ").and_then(|(_, place)| {
        let (line, column) = place.split_once(" column ")?;
        Some((line.parse().ok()?, column.parse().ok()?))
    });
    let mut found = found.borrow_mut();
    for number in numbers {
        if let Some(slot @ None) = found.get_mut(*number) {
            // Of the very first character the reader says nothing.
            *slot = Some(place.unwrap_or((1, 1)));
        }
    }
}

impl Pass<'_> {
    fn below(self, step: &Step) -> Option<Self> {
        self.wishes.below.get(step).map(|wishes| Self { wishes, ..self })
    }

    fn scalar<E: serde::de::Error>(self) -> Result<(), E> {
        if self.wishes.value.is_empty() { Ok(()) } else { Err(E::custom(FOUND)) }
    }

    /// Goes on behind a scalar that failed because it was looked for.
    fn after<E: serde::de::Error>(self, read: Result<(), E>) -> Result<(), E> {
        match read {
            Err(error) if !self.wishes.value.is_empty() => {
                note(self.found, &self.wishes.value, &error);
                Ok(())
            }
            read => read,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Pass<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Pass<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a node of the file")
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i128<E: serde::de::Error>(self, _: i128) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u128<E: serde::de::Error>(self, _: u128) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        for index in 0.. {
            let Some(entry) = self.below(&Step::Index(index)) else {
                if list.next_element::<IgnoredAny>()?.is_none() {
                    break;
                }
                continue;
            };
            let read = list.next_element_seed(entry);
            if matches!(read, Ok(None)) {
                break;
            }
            entry.after(read.map(|_| ()))?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        loop {
            let met = Cell::new(None);
            match map.next_key_seed(Key { above: self, met: &met }) {
                Ok(None) => return Ok(()),
                Ok(Some(())) => {}
                Err(error) => match met.get() {
                    Some(entry) => note(self.found, &entry.wishes.key, &error),
                    None => return Err(error),
                },
            }
            match met.get() {
                Some(entry) => entry.after(map.next_value_seed(entry))?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<(), A::Error> {
        let (_, content) = data.variant::<String>()?;
        content.newtype_variant_seed(self)
    }
}

/// Reads a key, tells what is looked for at it, and fails where that is the key itself.
struct Key<'a, 'k> {
    above: Pass<'a>,
    met: &'k Cell<Option<Pass<'a>>>,
}

impl<'de> DeserializeSeed<'de> for Key<'_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        let Some(entry) = self.above.below(&Step::Key(mask::unmask(key))) else { return Ok(()) };
        self.met.set(Some(entry));
        if entry.wishes.key.is_empty() { Ok(()) } else { Err(E::custom(FOUND)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_finds_what_single_looks_find() {
        let text = "first: 1\n\"quoted at line 7 column 3\": [1, {a: ${b}, 한글: x}, [2]]\nbase: &base\n  k: v\n  l: [3]\nuse:\n  <<: *base\n  \
                    m: *base\n  n: null\nlast: {one: {two: three}}\n";
        let mut wanted = Vec::new();
        let key = |at: &NodePath, name: &str| at.key(name);
        let root = NodePath::default();
        for name in ["first", "quoted at line 7 column 3", "base", "use", "last", "none"] {
            wanted.push(key(&root, name));
        }
        let list = key(&root, "quoted at line 7 column 3");
        wanted.extend([
            list.index(0),
            list.index(1),
            list.index(1).key("a"),
            list.index(1).key("한글"),
            list.index(2).index(0),
        ]);
        let (base, used) = (key(&root, "base"), key(&root, "use"));
        wanted.extend([
            base.key("k"),
            base.key("l"),
            base.key("l").index(0),
            used.key("k"),
            used.key("m"),
            used.key("n"),
        ]);
        wanted.push(key(&root, "last").key("one").key("two"));
        for parts in [[Part::Key, Part::Value], [Part::Value, Part::Key]] {
            let asked: Vec<(&NodePath, Part)> = wanted.iter().zip(parts.into_iter().cycle()).collect();
            let found = places(text, "f", &asked);
            for ((at, part), found) in asked.iter().zip(found) {
                assert_eq!(found, super::super::place::place(text, "f", at, *part), "{at} {part:?}");
            }
        }
    }
}
