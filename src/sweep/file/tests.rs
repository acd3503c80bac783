#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::path::Path;

use super::settings::parse_time;
use super::*;

const RECIPE: &str = "recipe:
  merge_method: slerp
  base_model: a
  models: [{model: b}]
  parameters: {t: \"${w}\"}
";

const OBJECTIVES: &str = "objectives:
  mono: {metric: ndcg@10, mean: [mono]}
  cross: {metric: ndcg@10, mean: [\"jhe:ko-en\", {data: jhe, direction: en-ko}]}
";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mono", "jhe"] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
    }
    folder
}

fn parse(text: &str) -> Result<Parsed, crate::recipe::Error> {
    let folder = folder();
    Spec::parse(text, "sweep.yaml", Some(folder.path()))
}

/// The message, line and column, and hint of a refusal.
fn refused(text: &str) -> (String, (usize, usize), String) {
    let error = parse(text).unwrap_err();
    let place = error.place().map_or((0, 0), |place| (place.line, place.column));
    (error.message().to_owned(), place, error.hint().unwrap_or_default().to_owned())
}

#[test]
fn a_sweep_file_is_read_with_its_defaults() {
    let text = format!("{RECIPE}params: {{w: {{min: 0, max: 1, step: 0.1}}}}\n{OBJECTIVES}");
    let Parsed { spec, store, warnings, .. } = parse(&text).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(store, Path::new("studies/sweep"));
    assert_eq!(spec.params.grid(100).unwrap().len(), 11);
    assert_eq!(spec.baselines, [Baseline::Parents]);
    assert_eq!(spec.search, Search::default());
    assert_eq!(spec.data.len(), 2);
    assert_eq!(spec.objectives[1].mean.len(), 2);
    assert_eq!(spec.objectives[1].mean[0].direction.as_deref(), Some("ko-en"));
    let stored = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<Spec>(&stored).unwrap(), spec);
}

#[test]
fn an_embedded_recipe_keeps_its_lines() {
    let text = format!("study: x\n{}params: {{w: [0, 1]}}\n{OBJECTIVES}", RECIPE.replace("slerp", "slurp"));
    let (message, place, hint) = refused(&text);
    assert_eq!(message, "unknown merge method `slurp`");
    assert_eq!(place, (3, 17));
    assert!(hint.contains("did you mean `slerp`?"), "{hint}");
    let flow = "recipe: {merge_method: slerp, base_model: a, models: [{model: b}], parameters: {t: ${w}}}";
    let spec = parse(&format!("{flow}\nparams: {{w: [0, 1]}}\n{OBJECTIVES}")).unwrap().spec;
    let values = BTreeMap::from([("w".to_owned(), "0.25".to_owned())]);
    assert_eq!(spec.recipe.filled(&values).trim(), flow.replace("recipe: ", "").replace("${w}", "0.25"));
    let block = parse(&format!("{RECIPE}params: {{w: [0, 1]}}\n{OBJECTIVES}")).unwrap().spec;
    assert!(block.recipe.filled(&values).starts_with("merge_method: slerp\nbase_model: a\n"));
}

#[test]
fn mistakes_have_a_place_and_a_hint() {
    let params = "params: {w: [0, 0.5, 1]}\n";
    let good = format!("{RECIPE}{params}{OBJECTIVES}");
    parse(&good).unwrap();
    let last = good.lines().count() + 1;
    for (more, message, column, hint) in [
        ("serch: grid", "unknown key `serch` in the sweep file", 1, "did you mean `search`?"),
        ("method: grid", "unknown key `method` in the sweep file", 1, "write `search: {method: …}`"),
        ("search: {method: gird}", "unknown search method `gird`", 18, "did you mean `grid`?"),
        ("search: {method: lattice}", "`lattice` needs a `simplex` under `params`", 9, "`grid` goes"),
        ("search: {method: grid, rungs: [{pool: 5}]}", "`rungs` is gone", 24, "`search: racing` stops"),
        ("search: quad", "`quad` is gone", 9, "`search: racing` makes"),
        ("budget: {wall: soon}", "`soon` is not a time", 16, "1h30m"),
        ("budget: {trials: 0}", "expected a whole number from 1 up, found `0`", 18, ""),
        ("select: {part: 3/2}", "expected a part such as 1/2, found `3/2`", 16, ""),
        ("report: {split: test}", "`report` needs a `select` beside it", 1, "select: {split: dev}"),
        ("baselines: [parent]", "a baseline is parents or uniform, found `parent`", 13, "did you mean `parents`?"),
        ("compat: mtbe", "`mtbe` is none of trec, mteb, st, beir", 9, ""),
        ("device: tpu", "expected cpu, cuda, cuda:N or metal, found `tpu`", 9, ""),
        ("keep: some", "expected none, front or all, or a map of limits, found `some`", 7, ""),
        ("dtype: float64", "expected float32, float16 or bfloat16, found `float64`", 8, ""),
    ] {
        let found = refused(&format!("{good}{more}\n"));
        assert!(found.0.contains(message), "{more}: {}", found.0);
        assert_eq!(found.1, (last, column), "{more}: {}", found.0);
        assert!(found.2.contains(hint), "{more}: {}", found.2);
    }
}

#[test]
fn parameters_and_objectives_are_checked() {
    for (params, message, hint) in [
        ("params: {v: [0, 1]}", "the recipe does not name `${v}`", "it names `${w}`"),
        ("params: {w: {min: 1, max: 0}}", "the largest value must be above the smallest, found 1 and 0", ""),
        ("params: {w: {min: 0, max: 1, step: 2}}", "the step must be between", ""),
        ("params: {w: {min: 0, max: 1, setp: 0.1}}", "unknown key `setp` in a parameter", "did you mean `step`?"),
        ("params: {w: [0, 0]}", "the value 0 is given twice", ""),
        ("params: {w: half}", "expected values, or", ""),
        ("params: {simplex: {of: [w]}}", "expected two variables or more", ""),
        ("params: {simplex: {of: [w, x], step: 0.3}}", "the step must be a whole part of 1", ""),
        ("params: {}", "no variable is given values", ""),
    ] {
        let found = refused(&format!("{RECIPE}{params}\n{OBJECTIVES}"));
        assert!(found.0.contains(message), "{params}: {}", found.0);
        assert!(found.2.contains(hint), "{params}: {}", found.2);
        assert_eq!(found.1.0, 6, "{params}");
    }
    for (objectives, message, hint) in [
        ("objectives: {a: {mean: [mono]}}", "two objectives or more against each other, found one", "of its own"),
        ("objectives: {a: {mean: [mnoo]}, b: {mean: [jhe]}}", "`mnoo` is neither a name under `data` nor a folder", ""),
        ("objectives: {a: {metric: ndgc@10, mean: [mono]}, b: {mean: [jhe]}}", "`ndgc@10` is no metric", ""),
        ("objectives: {a: {mean: [mono, mono]}, b: {mean: [jhe]}}", "stands in this mean twice", ""),
        ("objectives: {a: {mean: []}, b: {mean: [jhe]}}", "found an empty list", ""),
    ] {
        let found = refused(&format!("{RECIPE}params: {{w: [0, 1]}}\n{objectives}\n"));
        assert!(found.0.contains(message), "{objectives}: {}", found.0);
        assert!(found.2.contains(hint), "{objectives}: {}", found.2);
        assert_eq!(found.1.0, 7, "{objectives}");
    }
}

#[test]
fn the_recipe_is_checked_at_the_ends_of_the_ranges() {
    let recipe = "recipe: {merge_method: ties, base_model: a, models: [{model: b, parameters: {weight: 1}}], parameters: {density: ${w}}}";
    let found = refused(&format!("{recipe}\nparams: {{w: {{min: 0, max: 2}}}}\n{OBJECTIVES}"));
    assert_eq!(
        found,
        ("`density` must be between 0 and 1, found `2`".into(), (1, 114), "this is the recipe at w = 2".into())
    );
    let found = refused(&format!("{recipe}\nparams: {{v: {{min: 0, max: 1}}}}\n{OBJECTIVES}"));
    assert_eq!((found.0.as_str(), found.1), ("the recipe does not name `${v}`", (2, 10)));
    let two = recipe.replace("weight: 1", "weight: ${x}");
    let found = refused(&format!("{two}\nparams: {{w: [0, 1]}}\n{OBJECTIVES}"));
    assert_eq!(
        (found.0.as_str(), found.2.as_str()),
        ("the variable `${x}` has no value", "give it values under `params`")
    );
}

#[test]
fn spaces_have_the_points_they_should() {
    let space = |text: &str| {
        let recipe = "recipe: {merge_method: linear, models: [{model: a, parameters: {weight: ${a}}}, {model: b, parameters: {weight: ${b}}}, {model: c, parameters: {weight: ${c}}}]}";
        parse(&format!("{recipe}\nparams: {text}\n{OBJECTIVES}")).unwrap().spec.params
    };
    let simplex = space("{simplex: {of: [a, b, c], step: 0.25}}");
    let points = simplex.grid(1000).unwrap();
    assert_eq!(points.len(), 15);
    assert_eq!(points[0], [1.0, 0.0, 0.0]);
    assert!(points.iter().all(|point| (point.iter().sum::<f64>() - 1.0).abs() < 1e-6));
    for point in &points {
        assert_eq!(&simplex.place(&simplex.unit(point)), point);
    }
    assert_eq!(simplex.grid(14), None);
    let mixed = space("{a: {min: 0, max: 1, step: 0.3}, b: [1, 2], c: {min: 0, max: 1}}");
    let points = mixed.grid(1000).unwrap();
    assert_eq!(points.len(), 5 * 2 * 11);
    assert_eq!(points[1], [0.0, 1.0, 0.1]);
    for point in &points {
        assert!((mixed.place(&mixed.unit(point))[1] - point[1]).abs() < 1e-9);
    }
    assert_eq!(parse_axis("w", "0:1:0.5").unwrap().grid(9).unwrap().len(), 3);
    assert_eq!(parse_axis("w", "0.5,0.25").unwrap().grid(9).unwrap(), [[0.25], [0.5]]);
    assert!(parse_axis("w", "0:x").is_err());
}

#[test]
fn parts_of_the_queries_are_even_and_apart() {
    let part = |nth| Part { nth, of: 2 };
    let queries: Vec<String> = (0..1000).map(|index| format!("q{index}")).collect();
    let first = queries.iter().filter(|query| part(1).holds(query)).count();
    assert!((450..550).contains(&first), "{first}");
    assert!(queries.iter().all(|query| part(1).holds(query) != part(2).holds(query)));
}

#[test]
fn times_are_read_as_people_write_them() {
    for (text, seconds) in [("90s", 90), ("45m", 2700), ("1h30m", 5400), ("2d", 172_800), ("30", 30)] {
        assert_eq!(parse_time(text).unwrap().as_secs(), seconds, "{text}");
    }
    for text in ["", "h", "1x", "-5m", "0s"] {
        assert!(parse_time(text).is_err(), "{text}");
    }
}
