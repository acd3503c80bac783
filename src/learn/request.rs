//! What is asked for: a recipe, data, and how to learn.

use std::path::PathBuf;

use crate::encoder;
use crate::eval::DataSet;
use crate::granularity::By;
use crate::kernel::SimdLevel;
use crate::plan;
use crate::recipe::Recipe;

/// How coefficients are learned.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What tensors must share to have one coefficient.
    pub by: By,
    /// The parameters to learn; the method's weights where there are none.
    pub parameters: Vec<String>,
    /// Texts in names of tensors that keep the recipe's values.
    pub freeze: Vec<String>,
    /// How often embeddings are computed anew around the best values so far.
    pub rounds: usize,
    /// The largest number of pairs of each direction.
    pub pairs: usize,
    /// The tokens of a text that are learned from, where that is fewer than the model takes.
    pub tokens: Option<usize>,
    /// What similarities are divided by.
    pub temperature: f64,
    /// How far a value may move in a round.
    pub reach: f64,
    /// The weight of the squared share by which a direction's loss is above that of the recipe's own values.
    pub guard: f64,
    /// The weight of half the squared distance from the recipe's own values.
    pub regularisation: f64,
    /// The seed of the choice of pairs.
    pub seed: u64,
    /// The share of the queries that is held out, for the comparison at the end.
    pub hold_out: f64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            by: By::default(),
            parameters: Vec::new(),
            freeze: Vec::new(),
            rounds: 1,
            pairs: 300,
            tokens: None,
            temperature: 0.05,
            reach: 0.8,
            guard: 300.0,
            regularisation: 0.0025,
            seed: 0,
            hold_out: 0.5,
        }
    }
}

/// Texts on which the merge is to agree with one of its models, without judgements.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The model, as the recipe names it.
    pub model: String,
    /// The name of the texts.
    pub label: String,
    /// The texts.
    pub texts: Vec<String>,
}

/// What is learned from what.
#[derive(Clone, Debug)]
pub struct Request {
    /// The recipe. Its values are where learning begins, and what it is held near to.
    pub recipe: Recipe,
    /// How the recipe becomes a plan.
    pub plan: plan::Options,
    /// The data sets.
    pub data: Vec<DataSet>,
    /// Data sets that are only scored.
    pub report: Vec<DataSet>,
    /// Texts without judgements.
    pub agreements: Vec<Agreement>,
    /// How the merge encodes texts.
    pub encoder: encoder::Options,
    /// The prompts of queries and documents, in place of the model's own.
    pub prompts: [Option<String>; 2],
    /// How to learn.
    pub settings: Settings,
    /// The file that an interrupted run goes on from.
    pub state: Option<PathBuf>,
    /// The instruction set.
    pub level: SimdLevel,
}

/// What happens while coefficients are learned.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// Learning begins.
    Begun {
        /// The number of coefficients.
        coefficients: usize,
        /// Pairs to learn from.
        pairs: usize,
        /// Texts that are encoded for each coefficient.
        texts: usize,
    },
    /// An earlier run is gone on with.
    Resumed {
        /// How often it encoded the texts.
        encoded: usize,
        /// How often it is to.
        total: usize,
    },
    /// All texts were encoded with other coefficients.
    Encoded {
        /// How often they were.
        encoded: usize,
        /// How often they are to be, at most.
        total: usize,
    },
    /// The best values within a reach were tried on the validation pairs; within 0 these are the recipe's own.
    Tried {
        /// How far values were allowed to move.
        reach: f64,
        /// The loss on the validation pairs.
        loss: f64,
    },
    /// The held-out queries are scored.
    Scoring {
        /// What is scored.
        what: &'static str,
    },
}
