//! The keys of a sweep file.

use crate::recipe::Level;
use crate::recipe::yaml::read;

/// Every map of a sweep file, the outermost first.
pub static LEVELS: [&Level; 11] =
    [&SWEEP, &AXIS, &SIMPLEX, &DATA, &OBJECTIVE, &REFERENCE, &SELECTION, &SEARCH, &RUNG, &BUDGET, &PROMPTS];

pub(super) static SWEEP: Level = Level {
    name: "the sweep file",
    at: "the top of the sweep file",
    keys: &[
        read("study", "the study's name; the file's without one"),
        read("recipe", "a recipe with `${name}`: its path, or the recipe itself"),
        read("params", "the recipe's variables and the values they may have"),
        read("data", "short names of data sets: a folder each, or `{path: …, queries: …}`"),
        read("objectives", "what is to be good: two or more, each a metric over data sets and directions"),
        read(
            "baselines",
            "retrievers that are always scored: parents, uniform; the first is what others are compared with",
        ),
        read("select", "the queries that the search sees, as `{split: dev}`"),
        read("report", "the queries that only `sweep confirm` sees, as `{split: test}`"),
        read("search", "how points are chosen, as `{method: grid}`"),
        read("budget", "when to stop, as `{trials: 40, wall: 6h}`"),
        read("keep", "merged checkpoints to keep: none, front or all"),
        read("store", "the study's folder; studies/NAME without one"),
        read("prompts", "what is put in front of texts, as `{query: …, document: …}`"),
        read("max_length", "tokens after which texts are cut"),
        read("dtype", "the format that is computed in"),
        read("device", "cpu, cuda:N or metal"),
        read("allow", "disagreements of the models that are accepted, as `admix merge --allow` takes them"),
        read("compat", "the tool whose rules hold for ties and missing queries: trec, mteb, st or beir"),
    ],
};

pub(super) static AXIS: Level = Level {
    name: "a parameter",
    at: "a parameter under `params`",
    keys: &[
        read("values", "the values, as a list"),
        read("min", "the smallest value"),
        read("max", "the largest value"),
        read("step", "the distance between values; any value may be taken without it"),
    ],
};

pub(super) static SIMPLEX: Level = Level {
    name: "`simplex`",
    at: "`simplex` under `params`",
    keys: &[read("of", "the variables that sum to 1"), read("step", "the distance between values, as 0.25")],
};

pub(super) static DATA: Level = Level {
    name: "a data set",
    at: "an entry of `data`",
    keys: &[read("path", "the data set's folder"), read("queries", "at most so many queries, the first")],
};

pub(super) static OBJECTIVE: Level = Level {
    name: "an objective",
    at: "an objective under `objectives`",
    keys: &[
        read("metric", "the metric, as ndcg@10"),
        read("mean", "the data sets it is averaged over, each weighing the same"),
    ],
};

pub(super) static REFERENCE: Level = Level {
    name: "an entry of `mean`",
    at: "an entry of an objective's `mean`",
    keys: &[read("data", "the data set"), read("direction", "the direction, as ko-en; all without one")],
};

pub(super) static SELECTION: Level = Level {
    name: "a choice of queries",
    at: "`select` and `report`",
    keys: &[
        read("split", "the split"),
        read("part", "a part of the queries, as 1/2: which query is in which part depends on its id alone"),
    ],
};

pub(super) static SEARCH: Level = Level {
    name: "`search`",
    at: "`search`",
    keys: &[
        read("method", "grid, lattice, sobol, quad, greedy or cmaes"),
        read("seed", "the seed of what is drawn at random"),
        read("rungs", "cheap rounds first, as `[{pool: 5000}, {full: true}]`"),
        read("scalarisations", "the number of weightings that `cmaes` searches for"),
    ],
};

pub(super) static RUNG: Level = Level {
    name: "a rung",
    at: "an entry of `rungs`",
    keys: &[read("pool", "the number of documents of each data set"), read("full", "true: all documents")],
};

pub(super) static BUDGET: Level = Level {
    name: "`budget`",
    at: "`budget`",
    keys: &[
        read("trials", "the most trials, baselines not counted"),
        read("wall", "the time after which no trial is begun, as 6h"),
    ],
};

pub(super) static PROMPTS: Level = Level {
    name: "`prompts`",
    at: "`prompts`",
    keys: &[read("query", "in front of a query"), read("document", "in front of a document")],
};

/// Keys that people put in another place, and where they belong.
pub(super) static MOVED: [(&str, &str); 11] = [
    ("method", "search: {method: …}"),
    ("seed", "search: {seed: …}"),
    ("rungs", "search: {rungs: …}"),
    ("trials", "budget: {trials: …}"),
    ("wall", "budget: {wall: …}"),
    ("time", "budget: {wall: …}"),
    ("split", "select: {split: …}"),
    ("parameters", "params: …"),
    ("metric", "objectives: {NAME: {metric: …, mean: […]}}"),
    ("metrics", "objectives: {NAME: {metric: …, mean: […]}}"),
    ("datasets", "data: {NAME: FOLDER}"),
];
