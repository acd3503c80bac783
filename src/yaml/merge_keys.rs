//! Merge keys (`<<`), which add the keys of other maps.

use super::path::Step;
use super::tree::Node;
use std::collections::BTreeSet;

/// The key whose maps are merged into the map that has it.
const MERGE: &str = "<<";

/// Replaces every merge key in a tree by the entries that it adds. A map's own keys win, then the earlier map. The error is
/// the path of a merge key whose value is not a map or a list of maps.
pub(super) fn merged(node: Node, at: &mut Vec<Step>) -> Result<Node, Vec<Step>> {
    match node {
        Node::List(entries) => {
            let mut list = Vec::with_capacity(entries.len());
            for (index, entry) in entries.into_iter().enumerate() {
                at.push(Step::Index(index));
                list.push(merged(entry, at)?);
                at.pop();
            }
            Ok(Node::List(list))
        }
        Node::Map(entries) => {
            let mut map = Vec::with_capacity(entries.len());
            let mut brought = Vec::new();
            for (key, value) in entries {
                at.push(Step::Key(key.clone()));
                let value = merged(value, at)?;
                if key == MERGE {
                    brought = maps(value).ok_or_else(|| at.clone())?;
                } else {
                    map.push((key, value));
                }
                at.pop();
            }
            if !brought.is_empty() {
                let mut known: BTreeSet<String> = map.iter().map(|(key, _)| key.clone()).collect();
                map.extend(brought.into_iter().flatten().filter(|(key, _)| known.insert(key.clone())));
            }
            Ok(Node::Map(map))
        }
        scalar => Ok(scalar),
    }
}

/// The maps of a merge key's value.
fn maps(value: Node) -> Option<Vec<Vec<(String, Node)>>> {
    match value {
        Node::Map(map) => Some(vec![map]),
        Node::List(list) => list
            .into_iter()
            .map(|entry| match entry {
                Node::Map(map) => Some(map),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Translates the path of a node in the merged tree to the tree as written, as far as it exists.
pub(super) fn written_path(root: &Node, steps: &[Step]) -> Vec<Step> {
    let mut path = Vec::new();
    let mut node = root;
    for step in steps {
        let next = match (step, node) {
            (Step::Index(index), Node::List(entries)) => {
                path.push(step.clone());
                entries.get(*index)
            }
            (Step::Key(key), Node::Map(_)) => find(node, key, &mut path),
            _ => None,
        };
        let Some(next) = next else { break };
        node = next;
    }
    path
}

/// The value of a key of a map or of the maps that it merges. The steps to it are added to `path`.
fn find<'n>(map: &'n Node, key: &str, path: &mut Vec<Step>) -> Option<&'n Node> {
    if let Some(value) = map.get(key) {
        path.push(Step::Key(key.to_owned()));
        return Some(value);
    }
    let before = path.len();
    let sources = map.get(MERGE)?;
    path.push(Step::Key(MERGE.to_owned()));
    if let Node::List(entries) = sources {
        for (index, entry) in entries.iter().enumerate() {
            path.push(Step::Index(index));
            if let Some(value) = find(entry, key, path) {
                return Some(value);
            }
            path.pop();
        }
    } else if let Some(value) = find(sources, key, path) {
        return Some(value);
    }
    path.truncate(before);
    None
}
