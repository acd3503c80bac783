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
    /// The number of steps.
    pub steps: usize,
    /// The largest number of pairs of each direction.
    pub pairs: usize,
    /// Pairs of each direction in a step.
    pub batch: usize,
    /// Documents that each query of a step is told from, besides those of the other queries: the most similar ones.
    pub negatives: usize,
    /// The tokens of a text that are learned from; longer texts are truncated. Scores are of texts as the model takes them.
    pub tokens: usize,
    /// The learning rate.
    pub rate: f64,
    /// What similarities are divided by.
    pub temperature: f64,
    /// The weight of the squared distance from the recipe's own values.
    pub regularisation: f64,
    /// Steps between looks at the validation pairs.
    pub every: usize,
    /// Looks without a gain after which learning stops.
    pub patience: usize,
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
            steps: 60,
            pairs: 200,
            batch: 16,
            negatives: 1,
            tokens: 128,
            rate: 0.03,
            temperature: 0.05,
            regularisation: 0.01,
            every: 10,
            patience: 3,
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
    /// An earlier run is gone on with.
    Resumed {
        /// Steps that it did.
        step: usize,
    },
    /// Learning begins.
    Begun {
        /// The number of coefficients.
        coefficients: usize,
        /// Pairs to learn from.
        pairs: usize,
    },
    /// A step is done.
    Step {
        /// Its number, from 1.
        step: usize,
        /// The loss on its pairs, before it.
        loss: f64,
    },
    /// The validation pairs were looked at.
    Validated {
        /// Steps that were done.
        step: usize,
        /// The loss on them.
        loss: f64,
    },
    /// The held-out queries are scored.
    Scoring {
        /// What is scored.
        what: &'static str,
    },
}
