//! The sweep file: the recipe with variables in place of its ratios, their values, data sets and objectives.

use std::fmt::Write as _;
use std::path::Path;

use super::choice::Choice;
use super::data::Set;
use super::recipe::{body, starting_value};
use crate::cli::schema::{self, What};
use crate::escape::{comment, literal, yaml};
use crate::method::{Base, Kind, Parameter, Scope};

/// The models of whose weights every combination is tried.
const MOST_OF_A_LATTICE: usize = 5;

/// What varies.
struct Variables {
    parameter: &'static Parameter,
    names: Vec<String>,
    /// The value of `params`.
    params: String,
    search: &'static str,
}

/// The sweep file's text; `None` where the method has no ratio.
pub(super) fn text(choice: &Choice, sets: &[Set], recipe: &Path) -> Option<String> {
    let variables = variables(choice)?;
    let mut out = schema::modeline(What::Sweep);
    let _ = writeln!(
        out,
        "# A sweep over the ratio of {}: `admix sweep run` merges every point in memory and scores it.",
        comment(&recipe.display().to_string())
    );
    out.push_str("recipe:\n");
    let value = |parameter: &Parameter, at: usize, models: usize| {
        if parameter.name != variables.parameter.name {
            return starting_value(parameter, at, models);
        }
        variables.names.get(at).map(|name| format!("${{{name}}}"))
    };
    out.push_str(&body(choice, &value, 2));
    let _ = write!(out, "params:\n{}", variables.params);
    let _ = writeln!(out, "search: {{method: {}}}", variables.search);
    if sets.len() > 1 {
        known(&mut out, sets);
    } else {
        placeholder(&mut out, sets);
    }
    if !choice.disagreements.is_empty() {
        let mut kinds: Vec<&str> = choice.disagreements.iter().map(|differing| differing.found.kind.name()).collect();
        kinds.dedup();
        let _ = writeln!(out, "# The models disagree; to merge them all the same:\n# allow: [{}]", kinds.join(", "));
    }
    Some(out)
}

fn variables(choice: &Choice) -> Option<Variables> {
    let numbers = || choice.method.parameters.iter().filter(|parameter| matches!(parameter.kind, Kind::Number { .. }));
    let weight = numbers().find(|parameter| parameter.name == "weight" && parameter.scope == Scope::PerModel);
    let count = choice.models.len();
    if let Some(parameter) = weight {
        let names: Vec<String> =
            if count == 1 { vec!["w".to_owned()] } else { (1..=count).map(|nth| format!("w{nth}")).collect() };
        let of = names.join(", ");
        let (params, search) = match (choice.method.base, count) {
            (_, 1) => ("  w: {min: 0, max: 1, step: 0.1}\n".to_owned(), "grid"),
            (Base::Required, 2) => {
                let each = |name: &String| format!("  {name}: {{min: 0, max: 1, step: 0.25}}\n");
                (names.iter().map(each).collect::<Vec<_>>().concat(), "grid")
            }
            (_, 2) => (format!("  simplex: {{of: [{of}], step: 0.1}}\n"), "lattice"),
            (_, 3..=MOST_OF_A_LATTICE) => (format!("  simplex: {{of: [{of}], step: 0.25}}\n"), "lattice"),
            // One of more models has hundreds of points.
            _ => (format!("  simplex: {{of: [{of}]}}\n"), "greedy"),
        };
        return Some(Variables { parameter, names, params, search });
    }
    let parameter = numbers().find(|parameter| parameter.default.is_none()).or_else(|| {
        numbers().find(|parameter| matches!(parameter.kind, Kind::Number { max, .. } if max.is_finite()))
    })?;
    let params = match parameter.kind {
        Kind::Number { min, max } if min.is_finite() && max.is_finite() => {
            format!("  {}: {{min: {min}, max: {max}, step: {}}}\n", parameter.name, (max - min) / 10.0)
        }
        Kind::Number { min, .. } if min.is_finite() => format!("  {}: [0.0001, 0.001, 0.01]\n", parameter.name),
        _ => format!("  {}: {{min: 0, max: 1, step: 0.1}}\n", parameter.name),
    };
    let copies = if parameter.scope == Scope::PerModel { count } else { 1 };
    Some(Variables { parameter, names: vec![parameter.name.to_owned(); copies], params, search: "grid" })
}

/// Data sets and objectives that are known.
fn known(out: &mut String, sets: &[Set]) {
    out.push_str("data:\n");
    let mut written: Vec<&str> = Vec::new();
    for set in sets {
        if !written.contains(&set.name.as_str()) {
            written.push(&set.name);
            let folder = literal(&set.folder.display().to_string());
            let direction = set.direction.as_ref().filter(|_| !set.shared);
            let direction = direction.map_or_else(String::new, |direction| format!("  # {}", comment(direction)));
            let _ = writeln!(out, "  {}: {{path: {folder}}}{direction}", yaml(&set.name));
        }
    }
    out.push_str("objectives:\n");
    out.push_str("  # One for each data set and direction: a mean would hide a direction that collapses.\n");
    for (nth, set) in sets.iter().enumerate() {
        let repeated = sets[..nth].iter().any(|other| other.reference() == set.reference());
        if !repeated {
            let name = yaml(&set.plain_reference());
            let _ = writeln!(out, "  {name}: {{metric: ndcg@10, mean: [{}]}}", set.reference());
        }
    }
    out.push_str("# No objective may lose more than 2 % of the first model's score; another limit is written as\n");
    let first = sets.first().map_or_else(String::new, Set::plain_reference);
    let _ = writeln!(out, "# keep: {{{}: \">= -1%\"}}", comment(&yaml(&first)));
    let has = |split: &str| sets.iter().all(|set| set.splits.iter().any(|known| known == split));
    if has("dev") && has("test") {
        out.push_str("# The search sees dev; `admix sweep confirm` scores its choice on test.\n");
        out.push_str("select: {split: dev}\nreport: {split: test}\n");
    } else {
        out.push_str(
            "# The search sees one half of the queries; `admix sweep confirm` scores its choice on the other.\n",
        );
        out.push_str("select: {part: 1/2}\nreport: {part: 2/2}\n");
    }
}

/// Data sets and objectives to fill in. `admix check` names the folders that are not there.
fn placeholder(out: &mut String, sets: &[Set]) {
    out.push_str(
        "# Fill in your data sets, one for each thing that must stay or become good (`admix data DIR` shows one).\n",
    );
    out.push_str("data:\n");
    let first =
        sets.first().map_or_else(|| "FILL-IN/first".to_owned(), |set| literal(&set.folder.display().to_string()));
    let _ = write!(out, "  first: {{path: {first}}}\n  second: {{path: FILL-IN/second}}\n");
    out.push_str(
        "objectives:\n  first: {metric: ndcg@10, mean: [first]}\n  second: {metric: ndcg@10, mean: [second]}\n",
    );
    out.push_str("# The search sees one half of the queries; `admix sweep confirm` scores its choice on the other.\n");
    out.push_str("select: {part: 1/2}\nreport: {part: 2/2}\n");
}
