//! Scores the models of a suite, chooses the setting of every method, and scores it on held-out queries.

use std::fs;
use std::path::Path;
use std::time::Instant;

use admix::Learn;
use admix::learn::Settings;
use admix::recipe::Recipe;
use serde::{Deserialize, Serialize};

use super::choose::{Search, search};
use super::compare::{against, compare, correct};
use super::methods::{Entry, METHODS};
use super::models::{Model, Part, Scored, Scorer, with_folders};
use super::results::{Column, Kind, LeftOut, Merged, Ratio, Recovery, Results, Row};
use super::sets::{Prepared, prepare};
use super::suite::{Suite, is_within_language};
use super::{Options, Outcome, say};

/// A row, and the values that it is compared by.
struct Measured {
    row: Row,
    held_out: Scored,
}

/// The row that others are compared with.
const PLAIN: &str = "linear";

/// Makes the figures of a suite. What was scored before is not scored again.
pub(crate) fn generate(suite: &Suite, options: &Options, work: &Path) -> Outcome<Results> {
    fs::create_dir_all(work)?;
    let limits = options.queries.map_or(suite.queries, |queries| [queries; 2]);
    let sets = prepare(suite, work, limits)?;
    let points = options.points.unwrap_or(suite.points);
    let scorer = Scorer { suite, sets: &sets, work: work.to_owned() };
    let mut study = Study { scorer, options, points, measured: Vec::new(), ratios: Vec::new(), left_out: Vec::new() };
    study.models()?;
    study.methods()?;
    study.learned()?;
    let recovery = study.recovery();
    study.tests();
    Ok(Results {
        suite: suite.name.to_owned(),
        title: suite.title.to_owned(),
        about: suite.about.split_whitespace().collect::<Vec<_>>().join(" "),
        admix: env!("CARGO_PKG_VERSION").to_owned(),
        points,
        columns: sets.iter().map(column).collect(),
        rows: study.measured.into_iter().map(|measured| measured.row).collect(),
        ratios: study.ratios,
        left_out: study.left_out,
        recovery,
    })
}

fn column(set: &Prepared) -> Column {
    Column {
        name: set.name.to_owned(),
        select: set.select.as_ref().map(|half| [half.queries, half.documents]),
        held_out: [set.held_out.queries, set.held_out.documents],
    }
}

struct Study<'a> {
    scorer: Scorer<'a>,
    options: &'a Options,
    points: usize,
    measured: Vec<Measured>,
    ratios: Vec<Ratio>,
    left_out: Vec<LeftOut>,
}

impl Study<'_> {
    fn directions(&self) -> Vec<&'static str> {
        self.scorer.suite.directions().map(|column| column.name).collect()
    }

    /// The models alone, and their plain average.
    fn models(&mut self) -> Outcome<()> {
        for name in self.scorer.suite.models() {
            say(&format!("{}: {name}", self.scorer.suite.name));
            let model = Model::Alone(name);
            let select = self.select(&model)?;
            self.add(Kind::Model, name, &model, (String::new(), select), &Search::default())?;
        }
        let average =
            self.scorer.suite.experts.iter().fold("merge_method: linear\nmodels:\n".to_owned(), |text, expert| {
                format!("{text}  - {{model: {}, parameters: {{weight: 1}}}}\n", expert.name)
            });
        let model = Model::Merged(average);
        let select = self.select(&model)?;
        let setting = "all fine-tunes alike".to_owned();
        self.add(Kind::Average, "plain average", &model, (setting, select), &Search::default())
    }

    fn methods(&mut self) -> Outcome<()> {
        for (name, entry) in METHODS {
            let is_asked_for =
                self.options.methods.as_ref().is_none_or(|names| names.iter().any(|asked| asked == name));
            match entry {
                Entry::LeftOut(reason) if admix::method::find(name).is_some() => {
                    self.left_out.push(LeftOut { method: (*name).to_owned(), reason: (*reason).to_owned() });
                }
                Entry::Tried(variants) if is_asked_for => {
                    let found = search(&self.scorer, name, &variants(self.scorer.suite), self.points)?;
                    self.method(name, &found)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The best setting of a method on held-out queries; of `linear` all settings.
    fn method(&mut self, name: &str, found: &Search) -> Outcome<()> {
        if name == PLAIN {
            for point in &found.points {
                let scored = self.scorer.score(&Model::Merged(point.recipe.clone()), Part::HeldOut)?;
                let ratio = Ratio {
                    setting: point.setting.clone(),
                    within: self.mean(&scored, is_within_language),
                    across: self.mean(&scored, |direction| !is_within_language(direction)),
                };
                self.ratios.push(ratio);
            }
        }
        let best = found.best().ok_or_else(|| format!("{name} has no setting"))?;
        self.add(Kind::Method, name, &Model::Merged(best.recipe.clone()), (best.setting.clone(), best.mean), found)
    }

    /// Weights by layer and part, learned from the queries that choose, starting with the best plain average.
    fn learned(&mut self) -> Outcome<()> {
        let is_sum = |row: &Row| [PLAIN, "task_arithmetic"].contains(&row.name.as_str());
        let sums = self.measured.iter().filter(|measured| is_sum(&measured.row));
        let best = sums.max_by(|one, other| one.row.select.total_cmp(&other.row.select));
        let Some(start) = best else { return Ok(()) };
        let (Some(recipe), tokens, seconds) = (start.row.recipe.clone(), start.row.tokens, start.row.seconds) else {
            return Ok(());
        };
        if self.options.rounds == Some(0) {
            return Ok(());
        }
        let start = start.row.name.clone();
        say(&format!("{}: learn, from {start}", self.scorer.suite.name));
        let learned = self.learn(&recipe)?;
        let model = Model::Merged(learned.recipe);
        let select = self.select(&model)?;
        let tokens = tokens + learned.tokens;
        let found = Search { tokens, seconds: seconds + learned.seconds, ..Search::default() };
        let setting = format!("{} weights by layer and part, from {start}", learned.numbers);
        self.add(Kind::Learned, "admix learn", &model, (setting, select), &found)
    }

    fn learn(&self, start: &str) -> Outcome<LearnedRecipe> {
        let folder = self.scorer.work.join("learned");
        fs::create_dir_all(&folder)?;
        let (recipe, known) = (folder.join("start.yaml"), folder.join("learned.json"));
        let text = with_folders(self.scorer.suite, start);
        let rounds = self.options.rounds.unwrap_or(self.scorer.suite.rounds);
        let settings = Settings { hold_out: 0.0, rounds, ..Settings::default() };
        let asked = format!("{text}{settings:?}");
        let earlier = fs::read_to_string(&known).ok().and_then(|text| serde_json::from_str(&text).ok());
        if let Some(earlier) = earlier.filter(|earlier: &LearnedRecipe| earlier.asked == asked) {
            return Ok(earlier);
        }
        fs::write(&recipe, text)?;
        let learn = Learn::of(Recipe::read(&recipe, &std::collections::BTreeMap::new())?).settings(settings);
        let learn = self.scorer.halves(Part::Select).fold(learn, |learn, (_, half)| learn.data(&half.folder));
        let begun = Instant::now();
        let found = learn.state(folder.join("state")).run()?;
        let learned = LearnedRecipe {
            asked,
            recipe: found.recipe,
            numbers: found.coefficients.len(),
            tokens: found.tokens,
            seconds: found.seconds.max(begun.elapsed().as_secs_f64()),
        };
        fs::write(&known, serde_json::to_string(&learned)?)?;
        Ok(learned)
    }

    /// A model's mean over the directions on the queries that choose.
    fn select(&self, model: &Model) -> Outcome<f64> {
        Ok(self.mean(&self.scorer.score(model, Part::Select)?, |_| true))
    }

    /// Scores a model on held-out queries and adds its row.
    fn add(&mut self, kind: Kind, name: &str, model: &Model, chosen: (String, f64), found: &Search) -> Outcome<()> {
        let held_out = self.scorer.score(model, Part::HeldOut)?;
        let recipe = match model {
            Model::Merged(recipe) if kind != Kind::Learned => Some(recipe.clone()),
            _ => None,
        };
        let (setting, select) = chosen;
        let row = Row {
            name: name.to_owned(),
            kind,
            setting,
            recipe,
            points: found.points.len(),
            select,
            scores: self.scorer.sets.iter().map(|set| held_out.mean(set.name)).collect(),
            mean: self.mean(&held_out, |_| true),
            against: None,
            tokens: found.tokens,
            seconds: found.seconds,
        };
        self.measured.push(Measured { row, held_out });
        Ok(())
    }

    /// The mean over some of the directions.
    fn mean(&self, scored: &Scored, which: impl Fn(&str) -> bool) -> f64 {
        let means: Vec<f64> =
            self.directions().into_iter().filter(|name| which(name)).map(|name| scored.mean(name)).collect();
        means.iter().sum::<f64>() / means.len().max(1) as f64
    }

    /// Compares every row with the best plain average: one family for the means, one for the directions.
    fn tests(&mut self) {
        let directions = self.directions();
        let plain = self.measured.iter().find(|measured| measured.row.name == PLAIN);
        let Some(plain) = plain.map(|measured| measured.held_out.clone()) else { return };
        for measured in self.measured.iter_mut().filter(|measured| measured.row.name != PLAIN) {
            measured.row.against = against(&measured.held_out, &plain, &directions);
        }
        correct(self.measured.iter_mut().filter_map(|measured| Some(&mut measured.row.against.as_mut()?.mean)));
        correct(
            self.measured
                .iter_mut()
                .filter_map(|measured| measured.row.against.as_mut())
                .flat_map(|against| &mut against.directions),
        );
    }

    /// Where a fine-tune differs from the base by more than chance, and what the merges have there.
    fn recovery(&self) -> Vec<Recovery> {
        let of = |name: &str| self.measured.iter().find(|measured| measured.row.name == name);
        let Some(base) = of("base") else { return Vec::new() };
        let mut found = Vec::new();
        for expert in self.scorer.suite.experts {
            for direction in self.directions() {
                let Some(tuned) = of(expert.name) else { continue };
                let Some(change) = compare(&tuned.held_out, &base.held_out, &[direction]) else { continue };
                found.push(Recovery {
                    model: expert.name.to_owned(),
                    column: direction.to_owned(),
                    base: base.held_out.mean(direction),
                    tuned: tuned.held_out.mean(direction),
                    change,
                    merges: self.merges(tuned, direction),
                });
            }
        }
        correct(found.iter_mut().map(|recovery| &mut recovery.change));
        correct(found.iter_mut().flat_map(|recovery| &mut recovery.merges).map(|merged| &mut merged.test));
        found
    }

    /// The best plain average, and the merge that the queries that choose like best, in a direction against a fine-tune.
    fn merges(&self, tuned: &Measured, direction: &str) -> Vec<Merged> {
        let rows = || self.measured.iter().filter(|measured| measured.row.kind != Kind::Model);
        let chosen = rows().reduce(|best, row| if row.row.select > best.row.select { row } else { best });
        let plain = rows().find(|measured| measured.row.name == PLAIN);
        let mut merges: Vec<&Measured> = plain.into_iter().chain(chosen).collect();
        merges.dedup_by(|one, other| one.row.name == other.row.name);
        let merged = |merge: &&Measured| {
            Some(Merged {
                row: merge.row.name.clone(),
                score: merge.held_out.mean(direction),
                test: compare(&merge.held_out, &tuned.held_out, &[direction])?,
            })
        };
        merges.iter().filter_map(merged).collect()
    }
}

/// What was learned.
#[derive(Debug, Serialize, Deserialize)]
struct LearnedRecipe {
    /// What it was learned from.
    asked: String,
    recipe: String,
    numbers: usize,
    tokens: u64,
    seconds: f64,
}
