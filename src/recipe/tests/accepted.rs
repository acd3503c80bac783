//! Recipes that are read.

use super::super::{ErrorKind, NodePath, Recipe, SettingValue, Slice};
use super::{SLERP, SLICES, good, underlined, variables};
use crate::kernel::DType;
use crate::method::Value;

#[test]
fn reads_whole_models() {
    let recipe = good(SLERP);
    assert_eq!(recipe.method.name, "slerp");
    assert!(recipe.whole_models());
    assert_eq!((recipe.dtype, recipe.out_dtype), (Some(DType::Bf16), Some(DType::F32)));
    assert_eq!(recipe.models().iter().map(ToString::to_string).collect::<Vec<_>>(), ["org/a", "org/b"]);
    assert_eq!(recipe.merged(&recipe.slices[0]).count(), 1);
    let t = recipe.parameters.get("t").unwrap();
    assert_eq!(t.evaluate("layer.3.attention.weight", 0.25), Some(Value::Number(0.25)));
    assert_eq!(t.evaluate("layer.3.Attention.weight", 1.0), Some(Value::Number(0.25)));
    assert_eq!(t.filters().collect::<Vec<_>>(), ["attention"]);
    assert!(recipe.warnings.is_empty());
}

#[test]
fn reads_slices() {
    let recipe = good(SLICES);
    assert!(!recipe.whole_models());
    assert_eq!(recipe.slices.iter().map(Slice::layers).collect::<Vec<_>>(), [Some(3), Some(2)]);
    assert_eq!(recipe.slices[1].sources[0].layers, Some(2..4));
    assert_eq!(recipe.slices[1].sources[0].at.to_string(), "slices[1].sources[0]");
    assert_eq!(recipe.place(&recipe.slices[1].sources[0].at).unwrap().line, 6);
}

#[test]
fn a_named_base_is_averaged_in_with_a_warning() {
    let recipe =
        good("merge_method: linear\nbase_model: c\nmodels:\n- model: a\n- model: b\nparameters: {weight: 1}\n");
    assert_eq!(recipe.slices[0].sources.len(), 3);
    assert_eq!(recipe.warnings, ["line 2: `linear` averages its base in: `c` is one more model"]);
    let listed =
        good("merge_method: linear\nbase_model: a\nmodels: [{model: a}, {model: b}]\nparameters: {weight: 1}\n");
    assert_eq!((listed.slices[0].sources.len(), listed.warnings.len()), (2, 0));
}

#[test]
fn warns_of_what_has_no_effect() {
    let recipe = good(
        "merge_method: ties\nname: x\nbase_model: a\nmodels:\n- model: a\n  parameters: {weight: 1}\n- model: b\n  \
         parameters: {weight: 1, normalize: no}\nparameters:\n  int8_mask: true\n  consensus_method: count\n  density: []\n",
    );
    let expected = [
        "line 8: `normalize` has no effect under a model, for the models share it: put it under the `parameters` of the slice or the recipe",
        "line 10: `int8_mask` has no effect with `ties`",
        "line 11: `consensus_method` has no effect with `ties`",
        "line 12: the empty list of `density` gives no value",
        "line 6: the parameters of `a` have no effect: it is the base",
    ];
    assert_eq!(recipe.warnings, expected);
    assert!(recipe.slices[0].sources[1].parameters.get("normalize").is_none());
    assert!(recipe.parameters.get("density").unwrap().is_empty());
}

#[test]
fn null_is_absent_and_a_bare_condition_a_list_of_one() {
    let recipe = good(
        "merge_method: linear\nbase_model: null\ntokenizer_source: ~\nslices: []\nmodels:\n- model: a\n  parameters: {weight: {value: [1, 2], filter: \"*\"}}\n- model: b\n  parameters: ~\nparameters: {weight: 3, normalize: ~}\n",
    );
    let weight = recipe.slices[0].sources[0].parameters.get("weight").unwrap();
    assert!(matches!(&weight.value, SettingValue::Conditions(list) if list.len() == 1));
    assert_eq!(weight.evaluate("any", 0.5), Some(Value::Number(1.5)));
    assert_eq!(weight.filters().count(), 0);
    assert!(recipe.parameters.get("normalize").is_none());
}

#[test]
fn merge_keys_and_aliases_stand_where_they_are_written() {
    let recipe = good(
        "merge_method: linear\nmodels:\n- &a\n  model: a\n  parameters: &p {weight: 2}\n- <<: *a\n  model: b\n- model: c\n  parameters: {<<: [*p, {weight: 5, normalize: on}]}\n",
    );
    let weights: Vec<_> = recipe.slices[0].sources.iter().map(|s| s.parameters.get("weight").unwrap()).collect();
    assert!(weights.iter().all(|weight| weight.evaluate("any", 0.0) == Some(Value::Number(2.0))));
    let lines: Vec<_> = weights.iter().map(|weight| recipe.place(&weight.at).unwrap().line).collect();
    assert_eq!(lines, [5, 5, 5]);
    let brought = NodePath::default().key("models").index(2).key("parameters").key("normalize");
    assert_eq!(recipe.place(&brought).unwrap().to_string(), "r.yaml:9:48");
    // Nodes that are not there are looked up as the nearest one above.
    assert_eq!(recipe.place(&NodePath::default().key("models").index(9).key("x")).unwrap().line, 3);
}

#[test]
fn variables_are_filled_in() {
    let text = "merge_method: ${method}\nmodels:\n- model: runs/${seed}/$${seed}\n  parameters: {weight: [${w}, 1]}\n- model: b\n  parameters:\n    weight: ${w}\nparameters: {normalize: ${flag}}\ndtype: ${none}\n";
    let given = [("method", "linear"), ("seed", "7"), ("w", "2.5e-1"), ("flag", "off"), ("none", "null"), ("x", "1")];
    let recipe = Recipe::parse(text, "r.yaml", &variables(&given)).unwrap();
    assert_eq!(recipe.slices[0].sources[0].model.path, "runs/7/${seed}");
    let weight = &recipe.slices[0].sources[0].parameters.get("weight").unwrap().value;
    assert_eq!(*weight, SettingValue::Gradient(vec![0.25, 1.0]));
    assert_eq!(recipe.parameters.get("normalize").unwrap().value, SettingValue::Scalar(Value::Flag(false)));
    assert_eq!(recipe.dtype, None);
    assert_eq!(recipe.text(), text);
    assert_eq!(recipe.warnings, ["the variable `x` is given and the recipe does not name it"]);

    let error = Recipe::parse(text, "r.yaml", &variables(&given[1..])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Variable);
    assert_eq!(
        (underlined(&error), error.message()),
        ("1:15 ${method}".into(), "the variable `${method}` has no value")
    );
    assert_eq!(error.hint(), Some("give it one with `--set method=…`"));
    let misspelt = variables(&[("method", "linear"), ("sede", "7")]);
    let error = Recipe::parse(text, "r.yaml", &misspelt).unwrap_err();
    assert_eq!(error.hint(), Some("did you mean `${sede}`?"));
}

#[test]
fn places_survive_masks_line_ends_and_byte_order_marks() {
    let text = "\u{feff}merge_method: linear\r\nmodels: # 모델\r\n- {model: 가나, parameters: {weight: \"${w}\", wieght: 1}}\r\n";
    let error = Recipe::parse(text, "r.yaml", &variables(&[("w", "1")])).unwrap_err();
    assert_eq!(underlined(&error), "3:44 wieght");
}
