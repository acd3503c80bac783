//! The value of a parameter: a scalar, a gradient over the layers, or a choice by tensor name.

use super::rows::{RowKind, Rows};
use crate::method::{Parameter, Value};
use crate::yaml::NodePath;

/// What a recipe gives for one parameter at one level.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Setting {
    /// The value or values.
    pub value: SettingValue,
    /// Where the recipe gives it.
    pub at: NodePath,
}

/// The forms a setting has.
#[derive(Clone, Debug, PartialEq)]
pub enum SettingValue {
    /// The same everywhere.
    Scalar(Value),
    /// Numbers spread evenly over the layers of a slice, with linear interpolation between them.
    Gradient(Vec<f64>),
    /// Flags spread over the layers of a slice, each up to the next.
    Flags(Vec<bool>),
    /// The value of the first condition that holds for the tensor, or for a row of it.
    Conditions(Vec<Condition>),
}

/// A value for tensors whose name contains a text, or for some rows of them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Condition {
    /// The text; `None` and `*` match every tensor.
    pub filter: Option<String>,
    /// The rows of vocabulary tensors that the condition is for; `None` for all rows of every tensor.
    pub rows: Option<Rows>,
    /// The value: any form but conditions.
    pub value: SettingValue,
    /// Where the recipe gives it.
    pub at: NodePath,
}

impl Condition {
    /// Whether the condition matches a tensor of this name, and in a vocabulary tensor a row of this kind. Case matters.
    pub fn matches(&self, tensor: &str, row: Option<RowKind>) -> bool {
        let name = match self.filter.as_deref() {
            None | Some("*") => true,
            Some(text) => tensor.contains(text),
        };
        name && self.rows.as_ref().is_none_or(|rows| row.is_some_and(|row| rows.kinds.contains(&row)))
    }
}

impl Setting {
    /// A placeholder for a setting that cannot be read, so that it is not reported as missing.
    pub(in crate::recipe) fn stand_in(parameter: &Parameter, at: &NodePath) -> Self {
        let value = SettingValue::Scalar(parameter.default.unwrap_or(Value::Number(0.0)));
        Self { value, at: at.clone() }
    }

    /// The value for a tensor at position `t`, from 0 to 1, among the layers of its slice. `None` where the setting gives
    /// none and the next level of precedence applies.
    pub fn evaluate(&self, tensor: &str, t: f64) -> Option<Value> {
        self.evaluate_row(tensor, None, t)
    }

    /// Like [`Self::evaluate`], for a row of a vocabulary tensor.
    pub fn evaluate_row(&self, tensor: &str, row: Option<RowKind>, t: f64) -> Option<Value> {
        evaluate(&self.value, tensor, row, t)
    }

    /// The rows that its conditions name.
    pub fn rows(&self) -> impl Iterator<Item = &Rows> {
        self.conditions().iter().filter_map(|condition| condition.rows.as_ref())
    }

    /// Every filter text of its conditions, in order.
    pub fn filters(&self) -> impl Iterator<Item = &str> {
        self.conditions().iter().filter_map(|condition| condition.filter.as_deref()).filter(|filter| *filter != "*")
    }

    fn conditions(&self) -> &[Condition] {
        match &self.value {
            SettingValue::Conditions(conditions) => conditions,
            _ => &[],
        }
    }

    /// Whether no tensor gets a value from this setting.
    pub fn is_empty(&self) -> bool {
        is_empty(&self.value)
    }
}

fn is_empty(value: &SettingValue) -> bool {
    match value {
        SettingValue::Scalar(_) => false,
        SettingValue::Gradient(list) => list.is_empty(),
        SettingValue::Flags(list) => list.is_empty(),
        SettingValue::Conditions(list) => list.iter().all(|condition| is_empty(&condition.value)),
    }
}

fn evaluate(value: &SettingValue, tensor: &str, row: Option<RowKind>, t: f64) -> Option<Value> {
    match value {
        SettingValue::Scalar(value) => Some(*value),
        SettingValue::Gradient(list) => interpolate(list, t).map(Value::Number),
        SettingValue::Flags(list) => list.get(position(list.len(), t).0).copied().map(Value::Flag),
        // An empty list under the matching condition gives no value; later conditions are not tried.
        SettingValue::Conditions(list) => list
            .iter()
            .find(|condition| condition.matches(tensor, row))
            .and_then(|c| evaluate(&c.value, tensor, row, t)),
    }
}

/// The entry at or before position `t` of a list of `n` entries spread over 0..1, and the fraction of the way to the next.
fn position(n: usize, t: f64) -> (usize, f64) {
    let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
    let scaled = t * n.saturating_sub(1) as f64;
    #[expect(clippy::cast_sign_loss, reason = "zero or more")]
    let entry = scaled.floor() as usize;
    (entry, scaled - scaled.floor())
}

fn interpolate(list: &[f64], t: f64) -> Option<f64> {
    let (entry, part) = position(list.len(), t);
    let from = *list.get(entry)?;
    let to = *list.get(entry + 1).unwrap_or(&from);
    Some((1.0 - part) * from + part * to)
}

#[cfg(test)]
mod tests {
    use unicode_script::Script;

    use super::*;

    fn setting(value: SettingValue) -> Setting {
        Setting { value, at: NodePath::default() }
    }

    #[test]
    fn a_gradient_is_straight_between_its_entries() {
        let gradient = setting(SettingValue::Gradient(vec![0.0, 1.0, 0.5]));
        for (t, expected) in
            [(0.0, 0.0), (0.25, 0.5), (0.5, 1.0), (0.75, 0.75), (1.0, 0.5), (2.0, 0.5), (f64::NAN, 0.0)]
        {
            assert_eq!(gradient.evaluate("any", t), Some(Value::Number(expected)), "{t}");
        }
        assert_eq!(setting(SettingValue::Gradient(vec![3.0])).evaluate("any", 0.7), Some(Value::Number(3.0)));
        assert_eq!(setting(SettingValue::Gradient(Vec::new())).evaluate("any", 0.7), None);
    }

    #[test]
    fn flags_hold_up_to_the_next() {
        let flags = setting(SettingValue::Flags(vec![true, false, true]));
        for (t, expected) in [(0.0, true), (0.49, true), (0.5, false), (0.99, false), (1.0, true)] {
            assert_eq!(flags.evaluate("any", t), Some(Value::Flag(expected)), "{t}");
        }
    }

    #[test]
    fn the_first_condition_that_matches_decides() {
        let condition = |filter: Option<&str>, value| Condition {
            filter: filter.map(str::to_owned),
            rows: None,
            value,
            at: NodePath::default(),
        };
        let number = |x| SettingValue::Scalar(Value::Number(x));
        let setting = setting(SettingValue::Conditions(vec![
            condition(Some("attention"), number(1.0)),
            condition(Some("attention.output"), number(2.0)),
            condition(Some("pooler"), SettingValue::Gradient(Vec::new())),
            condition(Some("layer"), number(3.0)),
        ]));
        assert_eq!(setting.evaluate("layer.1.attention.output", 0.0), Some(Value::Number(1.0)));
        assert_eq!(setting.evaluate("layer.1.Attention", 0.0), Some(Value::Number(3.0)));
        assert_eq!(setting.evaluate("embeddings", 0.0), None);
        assert_eq!(setting.evaluate("layer.pooler", 0.0), None);
        assert!(!setting.is_empty());
    }

    #[test]
    fn rows_are_asked_with_the_filter_and_hold_for_no_other_tensor() {
        let (hangul, special) = (RowKind::Script(Script::Hangul), RowKind::Special);
        let condition = |filter: Option<&str>, kinds: Option<&[RowKind]>, number| Condition {
            filter: filter.map(str::to_owned),
            rows: kinds.map(|kinds| Rows { kinds: kinds.to_vec(), at: NodePath::default() }),
            value: SettingValue::Scalar(Value::Number(number)),
            at: NodePath::default(),
        };
        let setting = setting(SettingValue::Conditions(vec![
            condition(Some("lm_head"), Some(&[hangul]), 1.0),
            condition(None, Some(&[hangul, special]), 2.0),
            condition(Some("embeddings"), None, 3.0),
        ]));
        for (tensor, row, expected) in [
            ("lm_head.bias", Some(hangul), Some(1.0)),
            ("lm_head.bias", Some(special), Some(2.0)),
            ("lm_head.bias", Some(RowKind::NoScript), None),
            ("word_embeddings", Some(hangul), Some(2.0)),
            ("word_embeddings", Some(RowKind::Script(Script::Han)), Some(3.0)),
            ("word_embeddings", None, Some(3.0)),
            ("lm_head.bias", None, None),
        ] {
            assert_eq!(setting.evaluate_row(tensor, row, 0.0), expected.map(Value::Number), "{tensor} {row:?}");
        }
    }
}
