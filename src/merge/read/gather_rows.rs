//! Reads rows of token tables in the order of the output's tokens.

use std::ops::Range;
use std::sync::PoisonError;

use crate::kernel::Real;
use crate::merge::Error;
use crate::plan::{Fallback, Gathered};

/// Number of elements that are read at once for the mean of a table's rows.
const PART: usize = 1 << 16;

/// Reads elements of one of the tables.
type ReadTable<'r, T> = &'r mut dyn FnMut(usize, Range<usize>, &mut [T]) -> Result<(), Error>;

/// Fills `out` with the elements `range` of a table whose rows are gathered.
pub(super) fn gather_rows<T: Real>(
    gathered: &Gathered,
    range: Range<usize>,
    out: &mut [T],
    read: ReadTable<'_, T>,
) -> Result<(), Error> {
    let width = gathered.width.max(1);
    let mut at = range.start;
    let mut rest = out;
    while at < range.end {
        let row = at / width;
        let from = gathered.gather.row(gathered.of, row);
        // Consecutive rows are read at once.
        let mut end = (row + 1) * width;
        if let Fallback::Row { table, row: first } = from {
            let mut next = row + 1;
            while end < range.end {
                let following = u32::try_from(next - row).ok().and_then(|steps| first.checked_add(steps));
                let expected = following.map(|row| Fallback::Row { table, row });
                if expected != Some(gathered.gather.row(gathered.of, next)) {
                    break;
                }
                next += 1;
                end += width;
            }
        }
        let end = end.min(range.end);
        let (here, behind) = std::mem::take(&mut rest).split_at_mut(end - at);
        let column = at - row * width;
        match from {
            Fallback::Row { table, row } => {
                let start = row as usize * width + column;
                read(usize::from(table), start..start + here.len(), here)?;
            }
            Fallback::Zero => here.fill(T::ZERO),
            Fallback::Mean => mean(gathered, row, column, here, &mut *read)?,
            Fallback::Padding => padding(gathered, column, here, &mut *read)?,
        }
        rest = behind;
        at = end;
    }
    Ok(())
}

/// The mean of a row over the tables that have it.
fn mean<T: Real>(
    gathered: &Gathered,
    row: usize,
    column: usize,
    out: &mut [T],
    read: ReadTable<'_, T>,
) -> Result<(), Error> {
    out.fill(T::ZERO);
    let mut values = vec![T::ZERO; out.len()];
    let mut count = 0;
    for table in 0..gathered.gather.tables() {
        let Some(own) = gathered.gather.own(table, row) else { continue };
        let start = own as usize * gathered.width + column;
        read(table, start..start + out.len(), &mut values)?;
        for (sum, value) in out.iter_mut().zip(&values) {
            *sum += *value;
        }
        count += 1;
    }
    let count = T::of(f64::from(count.max(1)));
    for sum in out {
        *sum = *sum / count;
    }
    Ok(())
}

/// The mean of all rows that belong to tokens, computed once for each table.
fn padding<T: Real>(gathered: &Gathered, column: usize, out: &mut [T], read: ReadTable<'_, T>) -> Result<(), Error> {
    let mut known = gathered.padding.0.lock().unwrap_or_else(PoisonError::into_inner);
    let row = match &mut *known {
        Some(row) => row,
        unknown => unknown.insert(mean_row(gathered, read)?),
    };
    for (value, mean) in out.iter_mut().zip(row.get(column..).unwrap_or_default()) {
        *value = T::of(*mean);
    }
    Ok(())
}

fn mean_row<T: Real>(gathered: &Gathered, read: ReadTable<'_, T>) -> Result<Vec<f64>, Error> {
    let width = gathered.width.max(1);
    let rows = gathered.gather.rows();
    let is_token = |row: usize| gathered.gather.row(gathered.of, row) != Fallback::Padding;
    let mut sums = vec![0.0; width];
    let mut count = 0_u32;
    let mut values = Vec::new();
    let mut row = 0;
    while row < rows {
        if !is_token(row) {
            row += 1;
            continue;
        }
        let most = (PART / width).max(1);
        let run = (row..rows).take(most).take_while(|row| is_token(*row)).count();
        values.clear();
        values.resize(run * width, T::ZERO);
        gather_rows(gathered, row * width..(row + run) * width, &mut values, &mut *read)?;
        for values in values.chunks(width) {
            for (sum, value) in sums.iter_mut().zip(values) {
                *sum += value.double();
            }
        }
        count += run as u32;
        row += run;
    }
    for sum in &mut sums {
        *sum /= f64::from(count.max(1));
    }
    Ok(sums)
}
