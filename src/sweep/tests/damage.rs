//! Files of a study that are damaged: what is shown is what was computed, or nothing is shown.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::fake::{Fake, options, recorded, rewrite, run};
use crate::diagnose::Diagnose as _;
use crate::sweep::{
    Analysis, Checked, Depth, Error, Options, Status, Study, TrialStage, Watch, check, confirm, extend, journal,
    to_csv, to_json, to_per_query_csv, work,
};

/// A race, points that were added and confirmed trials, which has files of all kinds.
const SPEC: &str = "params: {w: [0.2, 0.6]}\nsearch: racing\nselect: {part: 1/2}\n\
                    report: {part: 2/2}\n";

fn finish(study: &Study) {
    work(study, &mut Fake::new(study), Options { search: true, ..options() }, &mut |_| {}).unwrap();
}

fn finished(folder: &Path) -> Study {
    let study = super::fake::study(folder, SPEC);
    run(&study, &mut Fake::new(&study)).unwrap();
    extend(&study, &[crate::sweep::file::parse_axis("w", "0.4").unwrap()]).unwrap();
    finish(&study);
    confirm(&study).unwrap();
    finish(&study);
    study
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The files of a study by their places in its folder, but for logs, which nothing reads.
fn files(root: &Path) -> Vec<String> {
    let mut found = vec!["study.json".to_owned()];
    for folder in ["plan", "done", "perq", "fail", "queries", "same", "tops"] {
        let names = fs::read_dir(root.join(folder)).unwrap().flatten();
        found.extend(names.map(|entry| format!("{folder}/{}", entry.file_name().to_string_lossy())));
    }
    found.sort();
    found
}

/// Everything that can be shown of a study, with what a worker would find to do.
fn shown(root: &Path) -> Result<Vec<String>, Error> {
    let study = Study::open(root)?;
    let status = serde_json::to_string(&Status::of(&study, &mut Watch::default())?).unwrap();
    let full = Analysis::read(&study, TrialStage::Full, Depth::Tests)?;
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Tests)?;
    let both = [&full, &confirmed];
    let mut out = vec![status, to_csv(&study, &both), to_per_query_csv(&study, &both)?, journal(&study, &full)];
    out.push(to_json(&study, &full, Some(&confirmed)).to_string());
    let mut fake = Fake::new(&study);
    run(&study.writable()?, &mut fake)?;
    out.push(fake.scored.join(" "));
    Ok(out)
}

/// What is damaged how, in a copy of a study.
type Damages = Vec<(String, Box<dyn Fn(&Path)>)>;

fn damages(whole: &Path, other: &Path) -> Damages {
    let mut found: Damages = Vec::new();
    let files = files(whole);
    for (at, file) in files.iter().enumerate() {
        let bytes = fs::read(whole.join(file)).unwrap();
        let mut add = |how: &str, bytes: Vec<u8>| {
            let name = file.clone();
            if fs::read(whole.join(file)).unwrap() != bytes {
                found.push((
                    format!("{file} {how}"),
                    Box::new(move |root| fs::write(root.join(&name), &bytes).unwrap()),
                ));
            }
        };
        add("empty", Vec::new());
        add("half", bytes[..bytes.len() / 2].to_vec());
        add("cut", bytes[..bytes.len() - 1].to_vec());
        add("more", [bytes.as_slice(), b"\n"].concat());
        add("of another study", fs::read(other.join(file)).unwrap_or_else(|_| b"{}".to_vec()));
        for part in 1..5 {
            let mut flipped = bytes.clone();
            let place = flipped.len() * part / 5;
            flipped[place] ^= 0x04;
            add(&format!("flipped at {place}"), flipped);
        }
        if let Ok(serde_json::Value::Object(record)) = serde_json::from_slice(&bytes) {
            for key in record.keys() {
                let mut less = record.clone();
                less.shift_remove(key);
                add(&format!("without {key}"), serde_json::to_vec_pretty(&less).unwrap());
            }
            let text = String::from_utf8(bytes.clone()).unwrap();
            add("with a key twice", text.replacen('{', "{\n  \"trial\": \"0000000000000000\",", 1).into_bytes());
            add("with other numbers", text.replace("0.6", "0.7").replace(": 0.", ": 0.9").into_bytes());
            add("in one line", serde_json::to_vec(&record).unwrap());
        }
        // The next file of the same kind under this name.
        let kind = |file: &str| file.split('/').next().map(str::to_owned);
        if let Some(next) = files.get(at + 1).filter(|next| kind(next) == kind(file)) {
            add("replaced", fs::read(whole.join(next)).unwrap());
            let (one, two) = (file.clone(), next.clone());
            let swap = move |root: &Path| {
                fs::rename(root.join(&one), root.join("kept")).unwrap();
                fs::rename(root.join(&two), root.join(&one)).unwrap();
                fs::rename(root.join("kept"), root.join(&two)).unwrap();
            };
            found.push((format!("{file} swapped with {next}"), Box::new(swap)));
        }
        if file != "study.json" {
            let name = file.clone();
            let rename = move |root: &Path| fs::rename(root.join(&name), root.join(format!("{name}.bak"))).unwrap();
            found.push((format!("{file} renamed"), Box::new(rename)));
        }
        #[cfg(unix)]
        {
            let name = file.clone();
            let pipe = move |root: &Path| {
                fs::remove_file(root.join(&name)).unwrap();
                assert!(std::process::Command::new("mkfifo").arg(root.join(&name)).status().unwrap().success());
            };
            found.push((format!("{file} a pipe"), Box::new(pipe)));
        }
    }
    found
}

#[test]
fn what_is_shown_was_computed_whatever_is_damaged_and_a_check_mends_it() {
    let (folder, other, work) =
        (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let study = finished(folder.path());
    let whole = study.store.root();
    let expected = shown(whole).unwrap();
    let records = recorded(&study);
    let other = finished(other.path()).store.root().to_owned();
    let damages = damages(whole, &other);
    assert!(damages.len() > 300, "{}", damages.len());
    let mut silent = Vec::new();
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for (index, (name, damage)) in damages.iter().enumerate() {
        let root: PathBuf = work.path().join(index.to_string());
        copy(whole, &root);
        damage(&root);
        let file = name.split(' ').next().unwrap();
        match shown(&root) {
            Ok(found) if found == expected => {}
            Ok(_) => silent.push(name.clone()),
            Err(error) => {
                let said = error.to_string();
                let kind = file.split(['/', '.']).next().unwrap();
                assert!(said.contains(kind), "{name}: {said}");
                *kinds.entry(kind.to_owned()).or_default() += 1;
            }
        }
        // Some are mended: that takes longer.
        if file != "study.json" && index % 9 == 0 {
            mends(&root, name, &records);
        }
        fs::remove_dir_all(&root).unwrap();
    }
    assert_eq!(silent, Vec::<String>::new());
    // Whatever nothing but a worker reads is used by none that has nothing to do.
    assert!(["study", "plan", "done", "perq", "queries"].iter().all(|kind| kinds.contains_key(*kind)), "{kinds:?}");
}

/// Checks that a check finds the damage, and that what is then done gives the records as they were.
fn mends(root: &Path, name: &str, records: &str) {
    let study = Study::open(root).unwrap().writable().unwrap();
    let found = check(&study).unwrap();
    assert!(!found.damaged.is_empty(), "{name}");
    assert!(found.again.len() <= 3, "{name}: {found:#?}");
    finish(&study);
    assert_eq!(recorded(&study), records, "{name}: {found:#?}");
    assert_eq!(check(&study).unwrap().damaged, [], "{name}: {found:#?}");
    shown(root).unwrap();
}

#[test]
fn a_whole_study_is_found_whole_and_nothing_is_touched() {
    let folder = tempfile::tempdir().unwrap();
    let study = finished(folder.path());
    let before = files(study.store.root());
    let found = check(&study).unwrap();
    assert_eq!(found, Checked { files: before.len(), ..Checked::default() });
    assert_eq!(files(study.store.root()), before);
    assert!(!study.store.path("damaged").exists());
}

/// What is changed in a record.
type Change = fn(&mut serde_json::Value);

#[test]
fn records_that_vouch_for_themselves_and_do_not_fit_the_study_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let study = super::fake::study(folder.path(), "params: {w: [0.5]}\n");
    run(&study, &mut Fake::new(&study)).unwrap();
    let root = study.store.root();
    let name = files(root).into_iter().find(|file| file.starts_with("done/")).unwrap();
    let text = fs::read(root.join(&name)).unwrap();
    let changes: [(Change, &str); 7] = [
        (|done| done["sets"][0]["means"]["ndcg@10"] = 17.into(), "its mean of ndcg@10 over `mono` is 17, and"),
        (|done| drop(done["sets"].as_array_mut().unwrap().pop()), "it has 2 data sets, and the study 3"),
        (|done| done["sets"][1]["set"] = "x".into(), "it has the data set `x` where the study has `cross one`"),
        (|done| done["sets"][1]["queries"] = 3.into(), "it counts 3 queries and 1000 documents"),
        (|done| done["trial"] = "0000000000000000".into(), "it is the result of the trial 0000000000000000.full"),
        (|done| done["admix"] = "9.9.9".into(), "admix 9.9.9 made it"),
        (|done| done["values"] = "00".into(), "these are not the values that"),
    ];
    for (change, problem) in changes {
        rewrite(root, &name, change);
        let error = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap_err();
        assert!(error.to_string().contains(problem), "{error}");
        let hint = format!("`admix sweep check {}` sets damaged files aside", root.display());
        assert!(error.hint().unwrap().starts_with(&hint), "{:?}", error.hint());
        fs::write(root.join(&name), &text).unwrap();
    }
    Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
}
