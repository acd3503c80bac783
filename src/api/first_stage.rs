//! What a reranker orders.

use std::path::PathBuf;

/// What finds the documents that a reranker orders.
///
/// ```
/// # fn main() -> Result<(), admix::Error> {
/// # let rerankers = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/rerankers");
/// # let (model, data) = (format!("{rerankers}/bert"), format!("{rerankers}/data"));
/// # let runs = vec![format!("{rerankers}/candidates.run").into()];
/// use admix::{FirstStage, Score};
///
/// let report = Score::model(model).data(data).rerank(FirstStage::Runs(runs)).top_k(10).run()?;
/// println!("{:?}", report.mean("mrr@10"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstStage {
    /// A retriever in a folder.
    Retriever(PathBuf),
    /// Rankings in TREC's form, one for each data set in their order.
    Runs(Vec<PathBuf>),
    /// The documents that the data sets list for each query.
    Listed,
}
