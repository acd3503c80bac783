//! Merge methods: one file for each, with its formula, source and parameters.

mod arcee_fusion;
mod arguments;
mod breadcrumbs;
mod breadcrumbs_ties;
mod dare_linear;
mod dare_ties;
mod della;
mod della_linear;
mod formula;
mod iso_c;
mod karcher;
mod linear;
mod merge_method;
mod model_stock;
mod multislerp;
mod nearswap;
mod nuslerp;
mod parameter;
mod passthrough;
mod ram;
mod ramplus_tl;
mod regmean;
mod regression;
mod sce;
mod slerp;
mod slerp_chain;
mod sparsification;
mod task_arithmetic;
mod task_matrices;
mod ties;
mod tsv_m;
mod wudi;

pub use arguments::{Arguments, Value};
pub use formula::{Along, Coefficients, Combination, Dots, Formula, Joint, MaskedSum, Matrices, Pairwise, Vectors};
pub use merge_method::{ArgumentError, Base, Check, Count, MergeMethod};
pub use parameter::{Kind, Parameter, Scope};
pub use regression::{ModelLayer, Regression, RegressionSums};
pub use sparsification::Sparsification;
pub use task_matrices::{MatrixError, MatrixUpdate, TaskMatrices};

/// Every merge method, in the order in which help lists them. A new method is one file and one line here.
pub static METHODS: &[&MergeMethod] = &[
    &linear::LINEAR,
    &slerp::SLERP,
    &slerp_chain::SLERP_CHAIN,
    &nuslerp::NUSLERP,
    &multislerp::MULTISLERP,
    &karcher::KARCHER,
    &model_stock::MODEL_STOCK,
    &task_arithmetic::TASK_ARITHMETIC,
    &ties::TIES,
    &dare_linear::DARE_LINEAR,
    &dare_ties::DARE_TIES,
    &della_linear::DELLA_LINEAR,
    &della::DELLA,
    &breadcrumbs::BREADCRUMBS,
    &breadcrumbs_ties::BREADCRUMBS_TIES,
    &sce::SCE,
    &ram::RAM,
    &ramplus_tl::RAMPLUS_TL,
    &nearswap::NEARSWAP,
    &arcee_fusion::ARCEE_FUSION,
    &iso_c::ISO_C,
    &tsv_m::TSV_M,
    &wudi::WUDI,
    &regmean::REGMEAN,
    &passthrough::PASSTHROUGH,
];

/// The method that recipes call `name`.
pub fn find(name: &str) -> Option<&'static MergeMethod> {
    METHODS.iter().copied().find(|method| method.name == name)
}
