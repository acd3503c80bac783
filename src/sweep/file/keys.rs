//! The keys of a sweep file.

use super::search_method::SearchMethod;
use crate::plan::Allow;
use crate::recipe::ADVICE;
use crate::yaml::{Form, KeyTable, read};

/// Every map of a sweep file, the outermost first.
pub static LEVELS: [&KeyTable; 11] =
    [&SWEEP, &AXIS, &SIMPLEX, &DATA, &OBJECTIVE, &REFERENCE, &SELECTION, &SEARCH, &BUDGET, &PROMPTS, &RERANK];

pub(super) static SWEEP: KeyTable = KeyTable {
    name: "the sweep file",
    at: "the top of the sweep file",
    advice: &ADVICE,
    keys: &[
        read("study", "the study's name; the file's without one").is(Form::Name),
        read("recipe", "a recipe with `${name}`: its path, or the recipe itself")
            .is(Form::Either(&[Form::Text, Form::Defined("recipe")]))
            .required(),
        read("params", "the recipe's variables and the values they may have").is(PARAMS).required(),
        read("data", "short names of data sets: a folder each, or `{path: …, queries: …}`").is(Form::Entries {
            least: 0,
            known: &[],
            other: &Form::Either(&[Form::Name, Form::Map(&DATA)]),
        }),
        read("objectives", "what is to be good: two or more, each a metric over data sets and directions")
            .is(Form::Entries { least: 2, known: &[], other: &Form::Map(&OBJECTIVE) })
            .required(),
        read(
            "baselines",
            "retrievers that are always scored: parents, uniform; the first is what others are compared with",
        )
        .is(Form::OneOrMore(&Form::OneOf(|| vec!["parents", "uniform"]))),
        read("select", "the queries that the search sees, as `{split: dev}`").is(Form::Map(&SELECTION)),
        read("report", "the queries that only `sweep confirm` sees, as `{split: test}`").is(Form::Map(&SELECTION)),
        read("search", "how points are chosen, as `{method: grid}`").is(Form::Either(&[SEARCHES, Form::Map(&SEARCH)])),
        read("budget", "when to stop, as `{trials: 40, wall: 6h}`").is(Form::Map(&BUDGET)),
        read(
            "keep",
            "what objectives and directions must keep, as `{en-en: \">= -1%\"}`, where no direction may lose more than 2 % without it; or merged checkpoints to keep: none, front or all",
        )
        .is(Form::Either(&[
            Form::OneOf(|| vec!["none", "front", "all"]),
            Form::Entries { least: 1, known: &[], other: &Form::Name },
        ])),
        read("store", "the study's folder; studies/NAME without one").is(Form::Name),
        read("prompts", "what is put in front of texts, as `{query: …, document: …}`").is(Form::Map(&PROMPTS)),
        read("rerank", "that the recipe's models are rerankers, and what they order, as `{first_stage: bge-m3, top_k: 100}`")
            .is(Form::Map(&RERANK)),
        read("max_length", "tokens after which texts are cut").is(Form::Whole(1)),
        read("dtype", "the format that is computed in").is(Form::OneOf(|| vec!["float32", "float16", "bfloat16"])),
        read("device", "cpu, cuda:N or metal").is(Form::Like("^(cpu|cuda|cuda:[0-9]+|metal)$")),
        read("allow", "disagreements of the models that are accepted, as `admix merge --allow` takes them")
            .is(Form::OneOrMore(&Form::OneOf(|| Allow::names().into_iter().map(|(name, _)| name).collect()))),
        read("compat", "the tool whose rules hold for ties and missing queries: trec, mteb, st or beir")
            .is(Form::OneOf(|| vec!["trec", "mteb", "st", "beir"])),
    ],
};

/// The searches.
const SEARCHES: Form = Form::OneOf(|| SearchMethod::ALL.map(SearchMethod::name).to_vec());

/// Variables and their values.
const PARAMS: Form = Form::Entries {
    least: 1,
    known: &[("simplex", Form::Map(&SIMPLEX))],
    other: &Form::Either(&[Form::List(&Form::Number), Form::Like(":"), Form::Map(&AXIS)]),
};

pub(super) static AXIS: KeyTable = KeyTable {
    name: "a parameter",
    at: "a parameter under `params`",
    advice: &ADVICE,
    keys: &[
        read("values", "the values, as a list").is(Form::OneOrMore(&Form::Number)),
        read("min", "the smallest value").is(Form::Number),
        read("max", "the largest value").is(Form::Number),
        read("step", "the distance between values; any value may be taken without it").is(Form::Number),
        read(
            "by",
            "what tensors must share to have one value, for a value of each group: model, or one or more of layer, part, tensor and script joined by +",
        )
        .is(Form::Like("^ *(model|(layer|part|tensor|script)( *[+] *(layer|part|tensor|script))*) *$")),
    ],
};

pub(super) static SIMPLEX: KeyTable = KeyTable {
    name: "`simplex`",
    at: "`simplex` under `params`",
    advice: &ADVICE,
    keys: &[
        read("of", "the variables that sum to 1").is(Form::List(&Form::Name)).required(),
        read("step", "the distance between values, as 0.25").is(Form::Number),
    ],
};

pub(super) static DATA: KeyTable = KeyTable {
    name: "a data set",
    at: "an entry of `data`",
    advice: &ADVICE,
    keys: &[
        read("path", "the data set's folder").is(Form::Name).required(),
        read("queries", "at most so many queries, the first").is(Form::Whole(1)),
        read(
            "retrieval",
            "by which heads it is searched: dense, sparse or late, or their mean with weights that may be variables, as dense=${d},late=${l}",
        )
        .is(Form::Name),
    ],
};

pub(super) static OBJECTIVE: KeyTable = KeyTable {
    name: "an objective",
    at: "an objective under `objectives`",
    advice: &ADVICE,
    keys: &[
        read("metric", "the metric, as ndcg@10").is(Form::Text),
        read("mean", "the data sets it is averaged over, each weighing the same")
            .is(Form::OneOrMore(&Form::Either(&[Form::Name, Form::Map(&REFERENCE)])))
            .required(),
    ],
};

pub(super) static REFERENCE: KeyTable = KeyTable {
    name: "an entry of `mean`",
    at: "an entry of an objective's `mean`",
    advice: &ADVICE,
    keys: &[
        read("data", "the data set").is(Form::Name).required(),
        read("direction", "the direction, as ko-en; all without one").is(Form::Name),
    ],
};

pub(super) static SELECTION: KeyTable = KeyTable {
    name: "a choice of queries",
    at: "`select` and `report`",
    advice: &ADVICE,
    keys: &[
        read("split", "the split").is(Form::Name),
        read("part", "a part of the queries, as 1/2: which query is in which part depends on its id alone")
            .is(Form::Like("^[0-9]+ */ *[0-9]+$")),
    ],
};

pub(super) static SEARCH: KeyTable = KeyTable {
    name: "`search`",
    at: "`search`",
    advice: &ADVICE,
    keys: &[
        read("method", "grid, lattice, racing, sobol, greedy, cmaes or bayes").is(SEARCHES),
        read("seed", "the seed of what is drawn at random").is(Form::Whole(0)),
        read("scalarisations", "the number of weightings that `cmaes` searches for").is(Form::Whole(1)),
    ],
};

pub(super) static BUDGET: KeyTable = KeyTable {
    name: "`budget`",
    at: "`budget`",
    advice: &ADVICE,
    keys: &[
        read("trials", "the most trials, baselines not counted").is(Form::Whole(1)),
        read("wall", "the time after which no trial is begun, as 6h").is(Form::Name),
    ],
};

pub(super) static PROMPTS: KeyTable = KeyTable {
    name: "`prompts`",
    at: "`prompts`",
    advice: &ADVICE,
    keys: &[
        read("query", "in front of a query").is(Form::Text),
        read("document", "in front of a document").is(Form::Text),
    ],
};

pub(super) static RERANK: KeyTable = KeyTable {
    name: "`rerank`",
    at: "`rerank`",
    advice: &ADVICE,
    keys: &[
        read(
            "first_stage",
            "what finds the documents that are ordered: a retriever's folder, or a ranking as a TREC run, with `{data}` in its name where each data set has one",
        )
        .is(Form::Name)
        .required(),
        read("top_k", "how many of its documents are ordered for each query; 100 without one").is(Form::Whole(1)),
    ],
};

/// Keys that people put in another place, and where they belong.
pub(super) static MOVED: [(&str, &str); 12] = [
    ("method", "search: {method: …}"),
    ("seed", "search: {seed: …}"),
    ("rungs", "search: racing"),
    ("racing", "search: racing"),
    ("trials", "budget: {trials: …}"),
    ("wall", "budget: {wall: …}"),
    ("time", "budget: {wall: …}"),
    ("split", "select: {split: …}"),
    ("parameters", "params: …"),
    ("metric", "objectives: {NAME: {metric: …, mean: […]}}"),
    ("metrics", "objectives: {NAME: {metric: …, mean: […]}}"),
    ("datasets", "data: {NAME: FOLDER}"),
];
