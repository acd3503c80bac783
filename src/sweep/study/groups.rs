//! The groups of tensors that variables have a value each for.

use crate::granularity::{Grouping, Groups};
use crate::kernel::{DType, SimdLevel};
use crate::merge::{self, Access, TILE};
use crate::plan::{self, Plan};
use crate::progress::Cancel;
use crate::sweep::Error;
use crate::sweep::file::Spec;
use crate::sweep::space::{Axis, Grouped, Space};

/// The unit coordinates between which it is measured what a variable changes.
const LOW: f64 = 0.25;
const HIGH: f64 = 0.75;

/// The variables of a spec, with the groups of those that have some.
///
/// # Errors
/// Checkpoints that do not fit together, a variable that changes no tensor, a recipe that takes no conditions.
pub(super) fn with_groups(spec: &Spec) -> Result<Space, Error> {
    let mut space = spec.params.without_groups();
    let middle = space.place(&vec![0.5; space.dimensions()]);
    for (index, axis) in space.axes.clone().into_iter().enumerate() {
        let Axis::Grouped(grouped) = axis else { continue };
        let groups = grouping(spec, &space, &middle, &grouped)?;
        if groups.is_empty() {
            let message = format!("`{}` changes no tensor of the merge", grouped.name);
            return Err(Error::usage(message, "leave its `by` out"));
        }
        if let Some(axis) = space.axes.get_mut(index) {
            *axis = Axis::Grouped(grouped.with_groups(Some(groups)));
        }
    }
    Ok(space)
}

/// The groups of one variable, the others in the middle of their ranges.
fn grouping(spec: &Spec, space: &Space, middle: &[f64], grouped: &Grouped) -> Result<Grouping, Error> {
    let plain = space.without_groups();
    let options = plan::Options { out_dtype: Some(DType::F32), ..spec.plan_options() };
    let plan = |text: String| -> Result<Plan, Error> {
        let mut values = plain.texts(middle);
        values.insert(grouped.name.clone(), text);
        Ok(Plan::build(spec.recipe.at(&values)?, &options)?)
    };
    let at = |unit: f64| grouped.min + unit * (grouped.max - grouped.min);
    let whole = plan(at(0.5).to_string())?;
    let groups = Groups::of(&whole, &grouped.by, &[])?;
    let markers = markers(grouped, groups.names.len());
    let marked = plan(groups.text(&markers))?;
    let (mut low, mut high) = (plan(at(LOW).to_string())?, plan(at(HIGH).to_string())?);
    let never = Cancel::new();
    let merging = merge::Options {
        threads: 0,
        tile: TILE,
        level: SimdLevel::best(),
        access: Access::Read,
        cancel: &never,
        progress: &|_| {},
        solver: None,
    };
    Ok(Grouping::new(&groups, (&marked, &whole, &markers), (&mut low, &mut high), merging)?)
}

/// A number within the range for each group by which it is recognised in a plan. None is the middle of the range.
fn markers(grouped: &Grouped, count: usize) -> Vec<f64> {
    let unit = |index: usize| (index as f64 + 0.9) / (count as f64 + 1.37);
    (0..count).map(|index| grouped.min + unit(index) * (grouped.max - grouped.min)).collect()
}
