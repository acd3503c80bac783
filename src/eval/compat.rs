//! The rules in which evaluation tools differ.

use std::fmt;
use std::str::FromStr;

/// The tool whose numbers are reproduced. In all of them a document is relevant from grade 1 up, unjudged documents are not
/// relevant, and the discount of rank r is `log2(r + 1)`. [`Compat::rules`] lists the differences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Compat {
    /// `trec_eval` 9 and `pytrec_eval`.
    Trec,
    /// MTEB 2: `pytrec_eval`, and a mean reciprocal rank of its own.
    #[default]
    Mteb,
    /// sentence-transformers' `InformationRetrievalEvaluator`.
    St,
    /// BEIR 2: `pytrec_eval`, and a mean reciprocal rank of its own.
    Beir,
}

/// How documents are ranked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The precision to which scores are rounded before they are compared.
    pub precision: Precision,
    /// Which of two documents of equal score comes first.
    pub ties: Ties,
}

/// The precision to which scores are rounded before they are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// 32 bits: scores that differ in the ninth digit are equal.
    Single,
    /// 64 bits.
    Double,
}

/// Which of two documents of equal score comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// The one with the larger id, byte by byte.
    Descending,
    /// The one with the smaller id.
    Ascending,
    /// The one that the run lists first.
    AsListed,
}

/// The gain of a relevant document in nDCG.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gain {
    /// Its grade.
    Graded,
    /// One.
    Binary,
}

/// The divisor of `map@k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapDenominator {
    /// The number of relevant documents.
    Relevant,
    /// That number, but at most k.
    AtMostCut,
}

/// How a judged query that the run lacks counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// It is left out of the mean.
    LeftOut,
    /// It counts as 0.
    Zero,
    /// It counts as 0 in the mean reciprocal rank, and is left out of other means.
    ZeroInMrr,
}

/// The rules of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How documents are ranked.
    pub order: Order,
    /// How they are ranked for the mean reciprocal rank.
    pub mrr_order: Order,
    /// Whether a document with its query's own id is taken out of the ranking.
    pub ignore_identical_ids: bool,
    /// The gain of a relevant document.
    pub gain: Gain,
    /// The divisor of `map@k`.
    pub map_denominator: MapDenominator,
    /// How judged queries that the run lacks count.
    pub missing: Missing,
    /// Whether a query without any relevant document is left out; it counts as 0 if not.
    pub needs_relevant: bool,
}

const fn double(ties: Ties) -> Order {
    Order { precision: Precision::Double, ties }
}

const TREC: Rules = Rules {
    order: Order { precision: Precision::Single, ties: Ties::Descending },
    mrr_order: Order { precision: Precision::Single, ties: Ties::Descending },
    ignore_identical_ids: false,
    gain: Gain::Graded,
    map_denominator: MapDenominator::Relevant,
    missing: Missing::LeftOut,
    needs_relevant: false,
};

impl Compat {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Trec, Self::Mteb, Self::St, Self::Beir];

    /// The name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trec => "trec",
            Self::Mteb => "mteb",
            Self::St => "st",
            Self::Beir => "beir",
        }
    }

    /// The tool's rules, each from its sources.
    ///
    /// | | `Trec` | `Mteb` | `St` | `Beir` |
    /// |---|---|---|---|---|
    /// | scores compared as | float32 | float32; MRR float64 | float64 | float32; MRR float64 |
    /// | of equal scores first | larger id | larger id | smaller id | larger id; MRR as listed |
    /// | document with the query's id | stays | stays | stays | is taken out |
    /// | gain in nDCG | grade | grade | 1 | grade |
    /// | `map@k` divides by | relevant | relevant | relevant, k at most | relevant |
    /// | judged query not in the run | left out | left out | 0 | left out; MRR 0 |
    /// | query without relevant documents | 0 | 0 | left out | 0 |
    ///
    /// * `Trec`: `trec_eval` 9.0.8, which `pytrec_eval-terrier` 0.5.11 wraps: `form_res_rels.c` (scores are `float`, the
    ///   comparison is `strcmp` of the second with the first), `m_ndcg_cut.c`, `m_map_cut.c`, `m_recip_rank.c`, and
    ///   `trec_eval.c` for queries that are not in the run (without `-c`). `trec_eval` 10 compares float64 and, without
    ///   `-c`, stops at such a query; neither is followed here.
    /// * `Mteb`: `retrieval_metrics.py` of mteb 2.26. All but `mrr` go through `pytrec_eval`; `mrr` sorts by score and id, both
    ///   descending, in Python's numbers. Documents with the query's id stay unless a task sets
    ///   `ignore_identical_ids`; [`Rules::ignore_identical_ids`] is that flag. Its `accuracy` is `recall@1`.
    /// * `St`: `information_retrieval.py` of sentence-transformers 6.2. Judgements are sets there: whoever prepares them leaves
    ///   out grades below 1, and queries of none are dropped. Each query has a ranking, so one that a run
    ///   lacks is an empty ranking.
    /// * `Beir`: `evaluation.py` and `custom_metrics.py` of beir 2.2. `mrr` sorts by score alone, stably, and divides by the
    ///   number of judged queries. Its `top_k_accuracy` sorts by the second character of the ids, which is not
    ///   followed here: `success@k` is `trec_eval`'s.
    ///
    /// The rounding of MTEB and BEIR (means to five decimals) is left to the caller.
    pub const fn rules(self) -> Rules {
        match self {
            Self::Trec => TREC,
            Self::Mteb => Rules { mrr_order: double(Ties::Descending), ..TREC },
            Self::St => Rules {
                order: double(Ties::Ascending),
                mrr_order: double(Ties::Ascending),
                gain: Gain::Binary,
                map_denominator: MapDenominator::AtMostCut,
                missing: Missing::Zero,
                needs_relevant: true,
                ..TREC
            },
            Self::Beir => Rules {
                mrr_order: double(Ties::AsListed),
                ignore_identical_ids: true,
                missing: Missing::ZeroInMrr,
                ..TREC
            },
        }
    }
}

impl fmt::Display for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|compat| compat.name() == text);
        found.ok_or_else(|| format!("`{text}` is none of trec, mteb, st, beir"))
    }
}
