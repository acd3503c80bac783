//! `parameters`: the settings of a recipe, a slice or a model.

use super::super::keys::advice::{near_parameter, remark_on_parameter};
use super::super::keys::{CONDITION, INERT_PARAMETERS, RECIPE};
use super::super::types::{Condition, Parameters, Setting, SettingValue};
use super::rows::rows;
use crate::method::{Kind, MergeMethod, Parameter, Scope, Value};
use crate::nearest::nearest;
use crate::yaml::{
    Checked, Diagnostic, Diagnostics, Fields, MOST_UNKNOWN, Node, NodePath, Refusal, and, flag, number, quoted, written,
};

/// The owner of a map of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// One model.
    Model,
    /// A slice or the whole recipe.
    All,
}

/// Reads the `parameters` of a level, if it has any. Without a method they cannot be checked.
pub(super) fn parameters(
    fields: &Fields<'_>,
    owner: Owner,
    method: Option<&'static MergeMethod>,
    diagnostics: &mut Diagnostics,
) -> Parameters {
    let mut parameters = Parameters::default();
    let Some((node, at)) = fields.get("parameters") else { return parameters };
    let Node::Map(entries) = node else {
        diagnostics.fault(Diagnostic::value(&at, format!("expected a map of parameters, found {node}")));
        for parameter in method.iter().flat_map(|method| method.parameters) {
            parameters.settings.insert(parameter.name, Setting::stand_in(parameter, &at));
        }
        return parameters;
    };
    let Some(method) = method else { return parameters };
    let mut unknown = 0;
    for (name, node) in entries {
        let at = at.key(name);
        unknown += usize::from(method.parameter(name).is_none());
        if unknown > MOST_UNKNOWN {
            let message = format!("more than {MOST_UNKNOWN} parameters that `{}` does not have", method.name);
            diagnostics.fault(Diagnostic::key(&at, message));
            break;
        }
        let declared = diagnostics.attempt(|diagnostics| declared(name, node, &at, method, diagnostics));
        let Some(parameter) = declared.or_else(|| meant(name, method).map(Some)).flatten() else {
            continue;
        };
        let read = match declared {
            Some(_) => diagnostics.attempt(|diagnostics| setting(node, &at, parameter, method, diagnostics)),
            None => None,
        };
        let setting = match read {
            Some(Some(setting)) => setting,
            Some(None) => continue,
            None => Setting::stand_in(parameter, &at),
        };
        if owner == Owner::Model && parameter.scope == Scope::Shared {
            let message = format!(
                "`{name}` has no effect under a model, for the models share it: put it under the `parameters` of the slice or the recipe"
            );
            diagnostics.warn(&at, message);
        } else {
            parameters.settings.insert(parameter.name, setting);
        }
    }
    parameters
}

/// The method's parameter of this name; `None` for one without effect.
fn declared(
    name: &str,
    node: &Node,
    at: &NodePath,
    method: &'static MergeMethod,
    diagnostics: &mut Diagnostics,
) -> Checked<Option<&'static Parameter>> {
    match method.parameter(name) {
        Some(parameter) if parameter.kind != Kind::Ignored => return Ok(Some(parameter)),
        None if !INERT_PARAMETERS.contains(&name) => {
            let Some(remark) = remark_on_parameter(name, node, method) else {
                return Err(unknown_parameter(name, node, at, method));
            };
            diagnostics.warn(at, remark);
        }
        _ => diagnostics.warn(at, format!("`{name}` has no effect with `{}`", method.name)),
    }
    Ok(None)
}

/// The parameters of a method that are read.
fn names(method: &'static MergeMethod) -> impl Iterator<Item = &'static str> {
    method.parameters.iter().filter(|parameter| parameter.kind != Kind::Ignored).map(|parameter| parameter.name)
}

/// The parameter that an unknown name probably meant.
fn meant(name: &str, method: &'static MergeMethod) -> Option<&'static Parameter> {
    nearest(name, names(method)).and_then(|near| method.parameter(near))
}

/// The error for a parameter that the method does not have.
fn unknown_parameter(name: &str, node: &Node, at: &NodePath, method: &'static MergeMethod) -> Diagnostic {
    if RECIPE.key(name).is_some() {
        let message = format!("`{name}` belongs at the top of the recipe, not under `parameters`");
        let value = if let Node::Text(text) = node { written(text) } else { "…".to_owned() };
        return Diagnostic::key(at, message).hint(format!("write `{name}: {value}` beside `merge_method`"));
    }
    let own: Vec<String> = names(method).map(|name| format!("`{name}`")).collect();
    let own = if own.is_empty() { "no parameters".to_owned() } else { and(&own) };
    let hint = match (nearest(name, names(method)), near_parameter(name)) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(near)) => format!("did you mean `{near}`, which other methods have? `{}` has {own}", method.name),
        (None, None) => format!("`{}` has {own}", method.name),
    };
    Diagnostic::key(at, format!("`{}` has no parameter {}", method.name, quoted(name))).hint(hint)
}

/// Reads a setting; `None` where it is null.
fn setting(
    node: &Node,
    at: &NodePath,
    parameter: &Parameter,
    method: &MergeMethod,
    diagnostics: &mut Diagnostics,
) -> Checked<Option<Setting>> {
    let value = match node {
        Node::Null => return Ok(None),
        Node::Map(_) => SettingValue::Conditions(vec![condition(node, at, parameter, method, diagnostics)?]),
        Node::List(entries) if entries.iter().any(|entry| matches!(entry, Node::Map(_))) => {
            conditions(entries, at, parameter, method, diagnostics)
        }
        other => scalars(other, at, parameter, diagnostics)?,
    };
    Ok(Some(Setting { value, at: at.clone() }))
}

fn conditions(
    entries: &[Node],
    at: &NodePath,
    parameter: &Parameter,
    method: &MergeMethod,
    diagnostics: &mut Diagnostics,
) -> SettingValue {
    let mut conditions = Vec::with_capacity(entries.len());
    for (index, entry) in entries.iter().enumerate() {
        let at = at.index(index);
        if !matches!(entry, Node::Map(_)) {
            let message = format!("`{}` mixes conditions and values: expected a map, found {entry}", parameter.name);
            let hint = "write the value as a condition that every tensor meets: `- value: …`".to_owned();
            diagnostics.fault(Diagnostic::value(&at, message).hint(hint));
            continue;
        }
        conditions.extend(diagnostics.attempt(|diagnostics| condition(entry, &at, parameter, method, diagnostics)));
    }
    SettingValue::Conditions(conditions)
}

fn condition(
    node: &Node,
    at: &NodePath,
    parameter: &Parameter,
    method: &MergeMethod,
    diagnostics: &mut Diagnostics,
) -> Checked<Condition> {
    let fields = Fields::of(node, at, &CONDITION, diagnostics)?;
    let filter = match fields.get("filter") {
        None => None,
        Some((Node::Text(text), _)) => Some(text.clone()),
        Some((other, at)) => {
            return Err(Diagnostic::value(&at, format!("expected a part of a tensor's name, found {other}"))
                .hint("write a filter that looks like a number in quotes".to_owned()));
        }
    };
    let rows = match fields.get("rows") {
        None => None,
        Some((_, at)) if !parameter.by_row => return Err(whole(&at, parameter, method)),
        Some((node, at)) => Some(rows(node, &at, diagnostics)?),
    };
    let (value, value_at) = fields.need("value")?;
    let value = scalars(value, &value_at, parameter, diagnostics)?;
    Ok(Condition { filter, rows, value, at: at.clone() })
}

/// The error for `rows` on a parameter that has one value for a whole tensor.
fn whole(at: &NodePath, parameter: &Parameter, method: &MergeMethod) -> Diagnostic {
    let by_row = method.parameters.iter().filter(|parameter| parameter.by_row).map(|p| format!("`{}`", p.name));
    let by_row: Vec<String> = by_row.collect();
    let hint = if by_row.is_empty() {
        format!("`{}` has no parameter that may differ from row to row", method.name)
    } else {
        format!("in `{}`, `rows` goes with {}", method.name, and(&by_row))
    };
    Diagnostic::key(at, format!("`{}` is one for all rows of a tensor", parameter.name)).hint(hint)
}

/// Reads a scalar or a list of scalars.
fn scalars(node: &Node, at: &NodePath, parameter: &Parameter, diagnostics: &mut Diagnostics) -> Checked<SettingValue> {
    let read = |node: &Node, at: &NodePath| match scalar(node, parameter.name, parameter.kind) {
        Ok(value) => Ok(value),
        Err(Refusal { message, hint }) => Err(Diagnostic::value(at, named(&message, parameter)).hint(hint)),
    };
    let Node::List(entries) = node else {
        return read(node, at).map(SettingValue::Scalar);
    };
    if entries.is_empty() {
        diagnostics.warn(at, format!("the empty list of `{}` gives no value", parameter.name));
    }
    let mut numbers = Vec::new();
    let mut flags = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        match diagnostics.attempt(|_| read(entry, &at.index(index))) {
            Some(Value::Number(number)) => numbers.push(number),
            Some(Value::Flag(flag)) => flags.push(flag),
            None => {}
        }
    }
    Ok(if parameter.kind == Kind::Flag { SettingValue::Flags(flags) } else { SettingValue::Gradient(numbers) })
}

/// Prefixes a message with its parameter's name.
fn named(message: &str, parameter: &Parameter) -> String {
    match message.strip_prefix("expected") {
        Some(rest) => format!("`{}` must be{rest}", parameter.name),
        None => message.to_owned(),
    }
}

/// Reads the value of a parameter of this kind.
pub(super) fn scalar(node: &Node, name: &str, kind: Kind) -> Result<Value, Refusal> {
    match kind {
        Kind::Flag => flag(node).map(Value::Flag),
        Kind::Ignored => Ok(Value::Flag(false)),
        Kind::Number { min, max } => {
            let number = number(node)?;
            if (min..=max).contains(&number) {
                return Ok(Value::Number(number));
            }
            let range = match (min.is_finite(), max.is_finite()) {
                (true, true) => format!("between {min} and {max}"),
                (true, false) => format!("{min} or more"),
                _ => format!("{max} or less"),
            };
            Err(Refusal { message: format!("`{name}` must be {range}, found {node}"), hint: None })
        }
        Kind::Whole { min, max } => {
            let number = number(node)?;
            if number.fract() == 0.0 && (f64::from(min)..=f64::from(max)).contains(&number) {
                return Ok(Value::Number(number));
            }
            let message = format!("`{name}` must be a whole number between {min} and {max}, found {node}");
            Err(Refusal { message, hint: None })
        }
    }
}
