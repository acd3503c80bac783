//! Makes `docs/study`: every merge method at its best setting, on held-out queries.
//!
//! ```text
//! cargo run --release --example study -- -o docs/study                                    # the bundled retrievers
//! cargo run --release --example study -- --retrievers DIR --sets DIR -o docs/study        # real ones too
//! cargo run --release --example study -- --render -o docs/study                           # the page from its JSON files
//! ```
//!
//! `--work DIR` is where studies and scores are kept (`target/study`): the same command goes on where it stopped. `--points N`
//! is the most settings of a method, `--queries N` limits the queries of each data set, `--methods a,b` tries some methods
//! alone, and `--rounds N` is how often `admix learn` begins anew (0 leaves it out).

mod choose;
mod compare;
mod generate;
mod methods;
mod models;
mod page;
mod results;
mod sets;
mod suite;
mod words;

use std::error::Error;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value;

use results::Results;
use suite::Suite;

/// What something gave, or why it failed.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    out: PathBuf,
    retrievers: Option<PathBuf>,
    sets: Option<PathBuf>,
    work: PathBuf,
    points: Option<usize>,
    queries: Option<usize>,
    methods: Option<Vec<String>>,
    rounds: Option<usize>,
    render: bool,
}

const USAGE: &str = "expected -o DIR, and optionally --retrievers DIR --sets DIR, --render, --work DIR, --points N, --queries N, \
                     --methods NAME,NAME, --rounds N";

impl Options {
    fn read(arguments: &[&str]) -> Outcome<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut options = Self {
            out: PathBuf::new(),
            retrievers: None,
            sets: None,
            work: root.join("target/study"),
            points: None,
            queries: None,
            methods: None,
            rounds: None,
            render: false,
        };
        let mut rest = arguments.iter();
        while let Some(name) = rest.next() {
            if *name == "--render" {
                options.render = true;
                continue;
            }
            let value = rest.next().ok_or_else(|| format!("`{name}` has no value; {USAGE}"))?;
            match *name {
                "-o" => options.out = value.into(),
                "--retrievers" => options.retrievers = Some(value.into()),
                "--sets" => options.sets = Some(value.into()),
                "--work" => options.work = std::path::absolute(value)?,
                "--points" => options.points = Some(value.parse()?),
                "--queries" => options.queries = Some(value.parse()?),
                "--methods" => options.methods = Some(value.split(',').map(str::to_owned).collect()),
                "--rounds" => options.rounds = Some(value.parse()?),
                other => return Err(format!("`{other}` is unknown; {USAGE}").into()),
            }
        }
        let is_whole = options.retrievers.is_some() == options.sets.is_some();
        if options.out.as_os_str().is_empty() || !is_whole {
            return Err(USAGE.into());
        }
        Ok(options)
    }

    fn suites(&self) -> Outcome<Vec<Suite>> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
        let mut suites = vec![Suite::bundled(&fixtures)];
        if let (Some(retrievers), Some(sets)) = (&self.retrievers, &self.sets) {
            suites.push(Suite::real(&std::path::absolute(retrievers)?, &std::path::absolute(sets)?));
        }
        Ok(suites)
    }
}

/// The suites in the order of the page.
const ORDER: [&str; 2] = ["real", "bundled"];

/// Does what the command line asks for.
pub(crate) fn run(arguments: &[&str]) -> Outcome<()> {
    let options = Options::read(arguments)?;
    fs::create_dir_all(&options.out)?;
    if !options.render {
        for suite in options.suites()? {
            let results = generate::generate(&suite, &options, &options.work.join(suite.name))?;
            let mut json = serde_json::to_value(&results)?;
            round(&mut json);
            let text = serde_json::to_string_pretty(&json)? + "\n";
            fs::write(options.out.join(format!("{}.json", suite.name)), text)?;
        }
    }
    render(&options.out)
}

/// Writes the page and the figures from the JSON files.
fn render(out: &Path) -> Outcome<()> {
    let mut suites: Vec<Results> = Vec::new();
    for name in ORDER {
        let path = out.join(format!("{name}.json"));
        if path.is_file() {
            suites.push(serde_json::from_str(&fs::read_to_string(path)?)?);
        }
    }
    if suites.is_empty() {
        return Err(format!("`{}` has no figures to render", out.display()).into());
    }
    let template = fs::read_to_string(out.join("conclusions.md")).unwrap_or_default();
    let conclusions = words::fill(&template, &suites)?;
    for suite in &suites {
        fs::write(out.join(format!("{}.svg", suite.suite)), page::figure(suite))?;
    }
    Ok(fs::write(out.join("README.md"), page::page(&conclusions, &suites))?)
}

/// Rounds to six digits: more are not there on every machine.
fn round(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(values) => values.values_mut().for_each(round),
        Value::Number(number) if number.is_f64() => {
            *value = Value::from(number.as_f64().map_or(f64::NAN, |number| (number * 1e6).round() / 1e6));
        }
        _ => {}
    }
}

/// Says on stderr what is being done.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}
