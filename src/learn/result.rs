//! What was learned.

/// A learned parameter value.
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficient {
    /// The parameter.
    pub parameter: &'static str,
    /// The model, or `None` for a parameter that models share.
    pub model: Option<String>,
    /// The group of tensors.
    pub group: String,
    /// The recipe's own value.
    pub start: f64,
    /// The learned value.
    pub value: f64,
}

/// Scores of a data set's held-out queries before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The data set and direction.
    pub data: String,
    /// Whether nothing of it was learned from.
    pub unseen: bool,
    /// The number of queries.
    pub queries: usize,
    /// nDCG@10 of the recipe as it was given.
    pub before: f64,
    /// nDCG@10 of the learned recipe.
    pub after: f64,
    /// The bounds of the difference's 95 % interval.
    pub interval: (f64, f64),
    /// The p-value of a paired randomisation test.
    pub p: f64,
}

/// How far the merge is from agreeing with one of its models on held-out texts.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreed {
    /// The texts.
    pub data: String,
    /// The model.
    pub model: String,
    /// The divergence of the recipe as it was given: 0 for the model itself.
    pub before: f64,
    /// That of the learned recipe.
    pub after: f64,
}

/// The result of learning.
#[derive(Clone, Debug, PartialEq)]
pub struct Learned {
    /// The learned recipe.
    pub recipe: String,
    /// The coefficients that some tensor has.
    pub coefficients: Vec<Coefficient>,
    /// Rounds that made the validation pairs better; with 0 the values are the recipe's own.
    pub rounds: usize,
    /// The loss on the validation pairs before and after; `None` without such pairs.
    pub validation: Option<(f64, f64)>,
    /// The scores of held-out queries.
    pub comparisons: Vec<Comparison>,
    /// The comparison over the queries of all data sets that were learned from, each set with the same weight.
    pub mean: Option<Comparison>,
    /// The agreement with models on held-out texts.
    pub agreements: Vec<Agreed>,
    /// Tokens that were encoded to learn, those of interrupted runs included.
    pub tokens: u64,
    /// Seconds that it took, those of interrupted runs included.
    pub seconds: f64,
    /// Warnings.
    pub warnings: Vec<String>,
}
