//! Merges agree with mergekit 0.1.5; in half precision they are no further from the truth.

use std::fs;
use std::path::PathBuf;

use safetensors::Dtype;

use super::support::{distance, read_json, read_tensors, repository, run};

fn goldens() -> PathBuf {
    repository().join("tests/goldens")
}

#[test]
fn every_recipe_agrees_with_mergekit() {
    let out = tempfile::tempdir().unwrap();
    let mut recipes: Vec<PathBuf> =
        fs::read_dir(goldens().join("recipes")).unwrap().map(|entry| entry.unwrap().path()).collect();
    recipes.retain(|path| path.extension().is_some_and(|end| end == "yaml"));
    assert!(recipes.len() > 30, "{} recipes", recipes.len());
    let mut faults = Vec::new();
    for recipe in recipes {
        let name = recipe.file_stem().unwrap().to_string_lossy().into_owned();
        let target = out.path().join(&name);
        run(&goldens(), &["merge", recipe.to_str().unwrap(), "-q", "--no-sync", "-o", target.to_str().unwrap()]);
        let merged = read_tensors(&target.join("model.safetensors"));
        let expected = read_tensors(&goldens().join(format!("expected/{name}.safetensors")));
        let names: Vec<_> = merged.keys().collect();
        assert_eq!(names, expected.keys().collect::<Vec<_>>(), "{name}");
        for (tensor, expected) in &expected {
            let found = &merged[tensor];
            assert_eq!((found.dtype, &found.shape), (expected.dtype, &expected.shape), "{name}: {tensor}");
            if expected.dtype == Dtype::F32 {
                let difference = distance(found, expected);
                if difference > 1e-6 {
                    faults.push(format!("{name}: {tensor} differs by {difference:.1e}"));
                }
            } else if found != expected {
                faults.push(format!("{name}: {tensor} is not the same"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn half_precision_is_no_further_from_the_truth_than_mergekit() {
    let out = tempfile::tempdir().unwrap();
    let index = read_json(&goldens().join("half.json"));
    for (name, entry) in index.as_object().unwrap() {
        let target = out.path().join(name);
        let recipe = entry["recipe"].as_str().unwrap();
        run(&goldens(), &["merge", recipe, "-q", "--no-sync", "-o", target.to_str().unwrap()]);
        let merged = read_tensors(&target.join("model.safetensors"));
        let truth = read_tensors(&goldens().join(format!("expected/half/{name}.truth.safetensors")));
        assert_eq!(merged.keys().collect::<Vec<_>>(), truth.keys().collect::<Vec<_>>(), "{name}");
        let (mut squares, mut count) = (0.0, 0);
        for (tensor, truth) in &truth {
            assert!(matches!(merged[tensor].dtype, Dtype::F16 | Dtype::BF16), "{name}: {tensor}");
            for (found, exact) in merged[tensor].values().iter().zip(truth.values()) {
                squares += (found - exact) * (found - exact);
                count += 1;
            }
        }
        let rms = (squares / f64::from(count)).sqrt();
        let limit = entry["mergekit_rms"].as_f64().unwrap() * 1.01;
        assert!(rms <= limit, "{name}: the error is {rms}, mergekit's with slack {limit}");
    }
}
