//! Merge methods: one file a method, with its formula, source, parameters and shape.

mod arguments;
mod declaration;
mod linear;
mod nearswap;
mod passthrough;
mod slerp;
mod task_arithmetic;
mod ties;

pub use arguments::{Arguments, Value};
pub use declaration::{
    Base, Coefficients, Combination, Count, Declaration, Keep, Kind, MaskedSum, Pairwise, Parameter, Scope, Shape,
    Vectors,
};

/// Every merge method, in the order in which help lists them. A new method is one file and one line here.
pub static METHODS: &[&Declaration] = &[
    &linear::LINEAR,
    &slerp::SLERP,
    &task_arithmetic::TASK_ARITHMETIC,
    &ties::TIES,
    &nearswap::NEARSWAP,
    &passthrough::PASSTHROUGH,
];

/// The method a recipe calls `name`, if there is one.
pub fn find(name: &str) -> Option<&'static Declaration> {
    METHODS.iter().copied().find(|method| method.name == name)
}
