//! Values of groups as the conditions of a recipe.

use super::groups::Rule;
use crate::escape::literal;
#[cfg(feature = "eval")]
use crate::escape::yaml;

/// A parameter with a value for each group, as the lines of a recipe: one value, or a list of conditions.
#[cfg(feature = "eval")]
pub(crate) fn lines(parameter: &str, rules: &[Rule], value: &dyn Fn(usize) -> f64) -> Vec<String> {
    if let [rule] = rules
        && let [group] = rule.groups.as_slice()
    {
        return vec![format!("{parameter}: {}", value(*group))];
    }
    let mut lines = vec![format!("{parameter}:")];
    for rule in rules {
        let filter = rule.filter.iter().map(|filter| format!("filter: {}", yaml(&filter.replace("${", "$${"))));
        let rows = rule.script.iter().map(|script| format!("rows: {{script: {script}}}"));
        let keys = filter.chain(rows).chain([format!("value: {}", values(rule, value))]);
        let marks = std::iter::once("- ").chain(std::iter::repeat("  "));
        lines.extend(keys.zip(marks).map(|(line, mark)| format!("  {mark}{line}")));
    }
    lines
}

/// The same value in one line, as it may stand in brackets: one number where all groups have it.
pub(super) fn flow(rules: &[Rule], value: &dyn Fn(usize) -> f64) -> String {
    let mut all = rules.iter().flat_map(|rule| &rule.groups).map(|group| value(*group));
    if let Some(first) = all.next()
        && all.all(|other| other.total_cmp(&first).is_eq())
    {
        return first.to_string();
    }
    let condition = |rule: &Rule| {
        let filter = rule.filter.iter().map(|filter| format!("filter: {}, ", literal(&filter.replace("${", "$${"))));
        let rows = rule.script.iter().map(|script| format!("rows: {{script: {script}}}, "));
        format!("{{{}value: {}}}", filter.chain(rows).collect::<String>(), values(rule, value))
    };
    format!("[{}]", rules.iter().map(condition).collect::<Vec<_>>().join(", "))
}

/// The value of a condition: a number, or a list with one for each layer.
fn values(rule: &Rule, value: &dyn Fn(usize) -> f64) -> String {
    match rule.groups.as_slice() {
        [group] => value(*group).to_string(),
        groups => format!("[{}]", groups.iter().map(|group| value(*group).to_string()).collect::<Vec<_>>().join(", ")),
    }
}
