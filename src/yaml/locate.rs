//! Finds where nodes stand in a text.
//!
//! A parsed tree has no marks, so places are looked up when messages need them: the text is read again, the visitor fails
//! at a node that is sought, and the YAML reader's error says where that is. A key or scalar that fails is read all the
//! same, so one pass finds any number of them. A list or map that fails ends the pass, so each takes a pass of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess, Visitor};
use serde_yaml::Deserializer;

use super::mask;
use super::merge_keys;
use super::path::{NodePath, Step};
use super::place::{Place, offset, place_at};
use super::tree::{self, Node};

/// Bytes that are read to look up lists and maps one by one.
const BUDGET: usize = 8 << 20;

/// The part of a node whose place is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The key that leads to it.
    Key,
    /// The node itself.
    Value,
}

/// The place of a node, or of the nearest node above it that can be found.
pub(crate) fn place(text: &str, origin: &str, at: &NodePath, part: Part) -> Option<Place> {
    let masked = mask::mask(text);
    let root = tree::read(&masked, "file").ok()?;
    let (steps, part) = written(&root, at, part);
    let (line, column) = nearest(&masked, steps, part)?;
    Some(place_at(text, origin, offset(text, line, column)))
}

/// The places of nodes, or of the nearest nodes above them that can be found.
pub(crate) fn places(text: &str, origin: &str, wanted: &[(&NodePath, Part)]) -> Vec<Option<Place>> {
    let masked = mask::mask(text);
    let Ok(root) = tree::read(&masked, "file") else { return vec![None; wanted.len()] };
    let mut sought = SoughtNodes::default();
    let mut paths = Vec::with_capacity(wanted.len());
    for (number, (at, part)) in wanted.iter().enumerate() {
        let (steps, part) = written(&root, at, *part);
        if part == Part::Key || is_scalar(&root, &steps) {
            sought.add(&steps, part, number);
        }
        paths.push((steps, part));
    }
    let found = Deserializer::from_str(&masked).next().map(|document| find(document, &sought, wanted.len()));
    let mut budget = BUDGET;
    let places =
        found.unwrap_or_else(|| vec![None; wanted.len()]).into_iter().zip(paths).map(|(found, (steps, part))| {
            let (line, column) = found.or_else(|| {
                budget = budget.checked_sub(masked.len())?;
                nearest(&masked, steps, part)
            })?;
            Some(place_at(text, origin, offset(text, line, column)))
        });
    places.collect()
}

/// The place of the second document of a text.
pub(super) fn second_document(text: &str, origin: &str) -> Option<Place> {
    let masked = mask::mask(text);
    let document = Deserializer::from_str(&masked).nth(1)?;
    let (line, column) = find(document, &SoughtNodes::one(&[], Part::Value), 1).pop()??;
    Some(place_at(text, origin, offset(text, line, column)))
}

/// The steps to a node as the text has them, without merge keys. An entry of a list has no key.
fn written(root: &Node, at: &NodePath, part: Part) -> (Vec<Step>, Part) {
    let steps = merge_keys::written_path(root, &at.0);
    let part = if matches!(steps.last(), Some(Step::Key(_))) { part } else { Part::Value };
    (steps, part)
}

/// The line and column of a node of a masked text, or of the nearest one above it.
fn nearest(masked: &str, mut steps: Vec<Step>, mut part: Part) -> Option<(usize, usize)> {
    loop {
        let document = Deserializer::from_str(masked).next()?;
        if let Some(found) = find(document, &SoughtNodes::one(&steps, part), 1).pop()? {
            return Some(found);
        }
        steps.pop()?;
        part = Part::Value;
    }
}

/// The lines and columns of what is sought in a document, by number from 0 up to `count`.
fn find(document: Deserializer<'_>, sought: &SoughtNodes, count: usize) -> Vec<Option<(usize, usize)>> {
    let found = Found { places: RefCell::new(vec![None; count]), has_ended: Cell::new(false) };
    let pass = Pass { sought, found: &found };
    let _ = pass.after(pass.deserialize(document));
    found.places.into_inner()
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

/// What is sought at a node and below it, by number.
#[derive(Default)]
struct SoughtNodes {
    key: Vec<usize>,
    value: Vec<usize>,
    below: BTreeMap<Step, SoughtNodes>,
}

impl SoughtNodes {
    fn one(steps: &[Step], part: Part) -> Self {
        let mut sought = Self::default();
        sought.add(steps, part, 0);
        sought
    }

    fn add(&mut self, steps: &[Step], part: Part, number: usize) {
        let node = steps.iter().fold(self, |node, step| node.below.entry(step.clone()).or_default());
        match part {
            Part::Key => node.key.push(number),
            Part::Value => node.value.push(number),
        }
    }
}

/// What a pass has found.
struct Found {
    /// Line and column of each node that is sought.
    places: RefCell<Vec<Option<(usize, usize)>>>,
    /// Whether a list or map was found, behind which the reader cannot go on.
    has_ended: Cell<bool>,
}

/// Visits a node, with what is sought at it and below it.
#[derive(Clone, Copy)]
struct Pass<'a> {
    sought: &'a SoughtNodes,
    found: &'a Found,
}

const FOUND: &str = "a node that is sought";

/// Notes the line and column that an error names for everything in `numbers`.
fn note(found: &Found, numbers: &[usize], error: &dyn fmt::Display) {
    let message = error.to_string();
    let place = message.rsplit_once(" at line ").and_then(|(_, place)| {
        let (line, column) = place.split_once(" column ")?;
        Some((line.parse().ok()?, column.parse().ok()?))
    });
    let mut found = found.places.borrow_mut();
    for number in numbers {
        if let Some(slot @ None) = found.get_mut(*number) {
            // The reader's message has no place for the very first character.
            *slot = Some(place.unwrap_or((1, 1)));
        }
    }
}

impl Pass<'_> {
    fn below(self, step: &Step) -> Option<Self> {
        self.sought.below.get(step).map(|sought| Self { sought, ..self })
    }

    /// Fails at a scalar that is sought.
    fn scalar<E: serde::de::Error>(self) -> Result<(), E> {
        if self.sought.value.is_empty() { Ok(()) } else { Err(E::custom(FOUND)) }
    }

    /// Fails at a list or map that is sought, which ends the pass.
    fn container<E: serde::de::Error>(self) -> Result<(), E> {
        self.found.has_ended.set(!self.sought.value.is_empty());
        self.scalar()
    }

    /// Notes the place of a node that failed because it is sought, and goes on behind it where it is a scalar.
    fn after<E: serde::de::Error>(self, read: Result<(), E>) -> Result<(), E> {
        match read {
            Err(error) if !self.sought.value.is_empty() => {
                note(self.found, &self.sought.value, &error);
                if self.found.has_ended.get() { Err(error) } else { Ok(()) }
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
        self.container()?;
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
        self.container()?;
        loop {
            let met = Cell::new(None);
            match map.next_key_seed(Key { above: self, met: &met }) {
                Ok(None) => return Ok(()),
                Ok(Some(())) => {}
                Err(error) => match met.get() {
                    Some(entry) => note(self.found, &entry.sought.key, &error),
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

/// Reads a key, passes on what is sought at it, and fails where that is the key itself.
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
        if entry.sought.key.is_empty() { Ok(()) } else { Err(E::custom(FOUND)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_pass_finds_what_a_pass_for_each_finds() {
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
                assert_eq!(found, place(text, "f", at, *part), "{at} {part:?}");
            }
        }
    }
}
