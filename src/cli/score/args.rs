//! The arguments of `admix score`.

use std::path::PathBuf;

use crate::cli::args::LinkArgs;
use crate::cli::encoding::{EncoderArgs, PromptArgs, RetrievalArgs};
use crate::encoder::Options;
use crate::eval::{Compat, Metric};

/// What stands for the lists of documents that data sets have themselves.
pub(super) const OWN: &str = "top_ranked";
/// Documents of each query that a first stage finds.
const TOP_K: u32 = 100;

/// Score retrievers and rerankers on retrieval data sets, every direction in a column of its own
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Examples:
  admix score merged --data sets/xquad-en sets/jhe
  admix score base merged --data sets/jhe --baseline base --metrics ndcg@10,recall@100,mrr@10
  admix score e5 --data sets/miracl-ko --query-prompt 'query: ' --document-prompt 'passage: '
  admix score splade merged-splade --data sets/jhe
  admix score distilbert-splade --retrieval sparse --data sets/jhe
  admix score bge-m3 merged-m3 --retrieval dense=0.4,sparse=0.2,late=0.4 --data sets/jhe
  admix score reranker merged-reranker --data sets/jhe --rerank bge-m3 --top-k 50
  admix score reranker --data MIRACLReranking:ko --rerank
  admix score merged --data sets/jhe --json | jq '.models[0].datasets[].metrics'

With --baseline, each cell also has the difference to that model and how sure it is, by a paired
randomisation test over queries, Holm-corrected over the models: * p < 0.05, ** p < 0.01,
*** p < 0.001.")]
pub(crate) struct Args {
    /// Model folders
    #[arg(value_name = "MODEL", required = true)]
    pub(super) models: Vec<PathBuf>,

    /// Data sets (repeatable): folders, MTEB's tasks, or data sets of the Hub as org/name[:subset][@revision]; `admix data` shows
    /// what is in one, and `admix data --list` the tasks
    #[arg(short, long, value_name = "DIR|NAME", required = true, num_args = 1..)]
    pub(super) data: Vec<PathBuf>,

    /// Metrics: ndcg@k, recall@k, mrr@k, map@k, p@k, success@k for any k; with --rerank ndcg@10,mrr@10,map unless given
    #[arg(short, long, value_name = "METRIC", value_delimiter = ',', default_value = "ndcg@10,recall@100")]
    #[arg(default_value_if("rerank", clap::builder::ArgPredicate::IsPresent, "ndcg@10,mrr@10,map"))]
    metrics: Vec<Metric>,

    /// Split to read; without it test, or the only one, or dev
    #[arg(long, value_name = "SPLIT")]
    pub(super) split: Option<String>,

    /// Take the first N queries of each data set
    #[arg(long, value_name = "N")]
    pub(super) limit_queries: Option<usize>,

    /// Score the models as rerankers of what this finds: a retriever's folder, or a TREC run, in whose name `{data}` stands
    /// for the data set's; without a value, of the documents that the data sets list for each query (MTEB's `top_ranked`). With
    /// `--compat st` relevant documents that it missed are re-ranked too, as sentence-transformers does
    #[arg(long, value_name = "RETRIEVER|RUN", help_heading = "Re-ranking", num_args = 0..=1, default_missing_value = OWN)]
    pub(super) rerank: Option<PathBuf>,

    /// Documents of each query to re-rank, the first stage's best: 100 unless given, or all that a data set lists
    #[arg(long, value_name = "N", requires = "rerank", help_heading = "Re-ranking")]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) top_k: Option<u32>,

    /// Model to compare the others with
    #[arg(long, value_name = "MODEL")]
    pub(super) baseline: Option<PathBuf>,

    #[command(flatten)]
    pub(super) prompts: PromptArgs,

    #[command(flatten)]
    pub(super) encoder: EncoderArgs,

    #[command(flatten)]
    pub(super) retrieval: RetrievalArgs,

    #[command(flatten)]
    pub(super) links: LinkArgs,

    /// The tool whose rules hold for ties, identical ids and missing queries: trec, mteb, st or beir
    #[arg(long, value_name = "TOOL", default_value_t = Compat::default())]
    pub(super) compat: Compat,

    /// Write each query's values there, separated by tabs
    #[arg(long, value_name = "FILE.tsv")]
    pub(super) per_query: Option<PathBuf>,

    /// Write what was found there, as a TREC run; `{model}` and `{data}` in its name stand for theirs
    #[arg(long, value_name = "FILE")]
    pub(super) run_file: Option<String>,

    /// Write result files in MTEB's form into this folder
    #[arg(long, value_name = "DIR")]
    pub(super) mteb_json: Option<PathBuf>,

    /// Print for programs
    #[arg(long)]
    pub(super) json: bool,

    /// Say nothing but errors
    #[arg(short, long)]
    pub(super) quiet: bool,
}

impl Args {
    /// How many documents a first stage finds for each query.
    pub(super) fn top_k(&self) -> usize {
        self.top_k.unwrap_or(TOP_K) as usize
    }

    /// Whether the documents to re-rank are those that the data sets list.
    pub(super) fn reranks_own(&self) -> bool {
        self.rerank.as_ref().is_some_and(|path| path.as_os_str() == OWN && !path.exists())
    }

    /// How retrievers are loaded.
    pub(super) fn options(&self) -> Options {
        self.retrieval.apply(self.encoder.options())
    }

    /// The metrics, each once.
    pub(super) fn metrics(&self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        for metric in &self.metrics {
            if !metrics.contains(metric) {
                metrics.push(*metric);
            }
        }
        metrics
    }

    /// The model folders with the baseline among them unless it is the first stage, each once.
    pub(super) fn folders(&self) -> Vec<PathBuf> {
        let mut folders: Vec<PathBuf> = Vec::new();
        let other = |baseline: &&PathBuf| !self.models.contains(baseline) && self.rerank.as_ref() != Some(baseline);
        for folder in self.baseline.iter().filter(other).chain(&self.models) {
            if !folders.contains(folder) {
                folders.push(folder.clone());
            }
        }
        folders
    }
}
