//! `params`

use super::fields::{fields, finite, list, text};
use super::keys::{AXIS, SIMPLEX};
use crate::granularity::By;
use crate::recipe::NodePath;
use crate::sweep::space::{Axis, Grouped, Space, is_part_of_one, rounded};
use crate::yaml::{Checked, Diagnostic, Diagnostics, Node, quoted};

/// The key of variables that sum to 1.
const SIMPLEX_KEY: &str = "simplex";

/// Reads `params`.
pub(super) fn params(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Space> {
    let Node::Map(entries) = node else {
        return Err(Diagnostic::value(at, format!("expected variables with their values, found {node}"))
            .hint("as `params: {w: {min: 0, max: 1, step: 0.1}}`".to_owned()));
    };
    let mut axes: Vec<Axis> = Vec::new();
    for (name, value) in entries {
        let here = at.key(name);
        let read = diagnostics.attempt(|diagnostics| {
            if name == SIMPLEX_KEY { simplex(value, &here, diagnostics) } else { axis(name, value, &here, diagnostics) }
        });
        let Some(axis) = read else { continue };
        for known in axes.iter().flat_map(Axis::names) {
            if axis.names().contains(&known) {
                diagnostics
                    .fault(Diagnostic::key(&here, format!("the variable {} is given values twice", quoted(known))));
            }
        }
        axes.push(axis);
    }
    if entries.is_empty() {
        return Err(Diagnostic::value(at, "no variable is given values"));
    }
    Ok(Space { axes })
}

fn axis(name: &str, node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Axis> {
    match node {
        Node::List(_) => values(name, node, at),
        Node::Text(short) if short.contains(':') => {
            parse_axis(name, short).map_err(|message| Diagnostic::value(at, message))
        }
        Node::Map(_) => {
            let fields = fields(node, at, &AXIS, diagnostics)?;
            if let Some((list, list_at)) = fields.get("values") {
                for other in ["min", "max", "step", "by"] {
                    if let Some((_, other_at)) = fields.get(other) {
                        return Err(Diagnostic::key(
                            &other_at,
                            format!("`values` are given, and `{other}` adds none to them"),
                        ));
                    }
                }
                return values(name, list, &list_at);
            }
            let number = |key: &str| fields.need(key).and_then(|(node, at)| Ok((finite(node, &at)?, at)));
            let ((min, _), (max, max_at)) = (number("min")?, number("max")?);
            let step = fields.get("step").map(|(node, at)| finite(node, &at).map(|step| (step, at))).transpose()?;
            let by = fields.get("by").map(|(node, at)| by(node, &at)).transpose()?;
            if let (Some(_), Some((_, step_at))) = (&by, &step) {
                let message = "values of groups of tensors have no `step`: a grid over each of them would have no end";
                return Err(Diagnostic::key(step_at, message).hint("leave `step` out".to_owned()));
            }
            let at = step.as_ref().map_or(&max_at, |(_, at)| at);
            let axis = range(name, min, max, step.as_ref().map(|(step, _)| *step))
                .map_err(|message| Diagnostic::value(at, message))?;
            Ok(match (by, axis) {
                (Some(by), Axis::Range { name, min, max, .. }) => Axis::Grouped(Grouped::new(&name, min, max, by)),
                (_, axis) => axis,
            })
        }
        other => {
            Err(Diagnostic::value(at, format!("expected values, or `{{min: …, max: …, step: …}}`, found {other}")))
        }
    }
}

/// Reads what tensors must share to have one value.
fn by(node: &Node, at: &NodePath) -> Checked<By> {
    let written = text(node, at, "a granularity such as layer+part")?;
    written.parse().map_err(|expected| {
        let near = By::near(&written).map(|near| format!("did you mean `{near}`?"));
        Diagnostic::value(at, format!("{expected}, found {}", quoted(&written))).hint(near)
    })
}

/// A variable's values as `-p w=0:1:0.1` or `-p w=0.2,0.5` has them.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn parse_axis(name: &str, text: &str) -> Result<Axis, String> {
    let number = |text: &str| {
        let found = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        found.ok_or_else(|| format!("expected a number, found {}", quoted(text)))
    };
    let numbers = |separator| text.split(separator).map(number).collect::<Result<Vec<f64>, String>>();
    if !text.contains(':') {
        return from_values(name, numbers(',')?);
    }
    match numbers(':')?.as_slice() {
        [min, max] => range(name, *min, *max, None),
        [min, max, step] => range(name, *min, *max, Some(*step)),
        _ => Err(format!("expected `min:max:step`, found {}", quoted(text))),
    }
}

fn range(name: &str, min: f64, max: f64, step: Option<f64>) -> Result<Axis, String> {
    let (min, max) = (rounded(min), rounded(max));
    if min >= max {
        return Err(format!("the largest value must be above the smallest, found {min} and {max}"));
    }
    match step {
        Some(step) if !(1e-6..=max - min + 1e-9).contains(&step) => {
            Err(format!("the step must be between 0.000001 and {}, found {step}", rounded(max - min)))
        }
        _ => Ok(Axis::Range { name: name.to_owned(), min, max, step }),
    }
}

fn values(name: &str, node: &Node, at: &NodePath) -> Checked<Axis> {
    let entries = list(node, at, "values")?;
    let values = entries.iter().map(|(entry, at)| finite(entry, at)).collect::<Checked<Vec<f64>>>()?;
    from_values(name, values).map_err(|message| Diagnostic::value(at, message))
}

fn from_values(name: &str, values: Vec<f64>) -> Result<Axis, String> {
    let mut sorted: Vec<f64> = values.into_iter().map(rounded).collect();
    sorted.sort_by(f64::total_cmp);
    match sorted.windows(2).find(|pair| pair[0].total_cmp(&pair[1]).is_eq()) {
        Some(pair) => Err(format!("the value {} is given twice", pair[0])),
        None => Ok(Axis::Values { name: name.to_owned(), values: sorted }),
    }
}

fn simplex(node: &Node, at: &NodePath, diagnostics: &mut Diagnostics) -> Checked<Axis> {
    let fields = fields(node, at, &SIMPLEX, diagnostics)?;
    let (of, of_at) = fields.need("of")?;
    let mut names: Vec<String> = Vec::new();
    for (entry, at) in list(of, &of_at, "variables")? {
        let name = text(entry, &at, "a variable's name")?;
        if names.contains(&name) {
            return Err(Diagnostic::value(&at, format!("the variable {} stands here twice", quoted(&name))));
        }
        names.push(name);
    }
    if names.len() < 2 {
        return Err(Diagnostic::value(&of_at, "expected two variables or more that sum to 1, found one"));
    }
    let step = match fields.get("step") {
        None => None,
        Some((node, at)) => {
            let step = finite(node, &at)?;
            if !is_part_of_one(step) {
                let message = format!("the step must be a whole part of 1, such as 0.25 or 0.1, found {node}");
                return Err(Diagnostic::value(&at, message));
            }
            Some(step)
        }
    };
    Ok(Axis::Simplex { of: names, step })
}
