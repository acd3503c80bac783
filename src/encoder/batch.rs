//! Batches: texts that are computed together.

use candle_core::{Device, Result, Tensor};

use super::config::Position;
use super::tokens::Tokens;

/// The value added to masked scores, which is finite so that no row of scores becomes NaN.
const MASKED: f32 = -1e30;

/// Texts that are computed together, with one row for each token, text after text.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) ids: Vec<u32>,
    /// The position of each row.
    pub(super) positions: Vec<u32>,
    /// Number of tokens of each text.
    pub(super) lengths: Vec<usize>,
    /// Number of each text's first tokens that tokens attend to.
    pub(super) attended: Vec<usize>,
    /// The padding; `None` for packed texts, which follow each other without padding.
    pub(super) padding: Option<Padding>,
}

/// Texts padded to one length.
#[derive(Debug)]
pub(super) struct Padding {
    /// The token ids on the device.
    pub(super) ids: Tensor,
    /// Number of rows of each text.
    pub(super) width: usize,
    /// The mask that is added to scores, of shape texts × 1 × 1 × width; `None` if all texts have the same length.
    pub(super) mask: Option<Tensor>,
}

impl Batch {
    /// Lays out `texts`, of which none is empty. The table of positions has `rows` rows for each token type.
    pub(super) fn new(
        tokens: &Tokens,
        texts: &[usize],
        (first, rows): (Position, usize),
        padded: bool,
        device: &Device,
    ) -> Result<Self> {
        let lengths: Vec<usize> = texts.iter().map(|&text| tokens.length(text)).collect();
        let attended: Vec<usize> = texts.iter().map(|&text| tokens.attended(text)).collect();
        let width = lengths.iter().copied().max().unwrap_or(0);
        let (mut ids, mut positions) = (Vec::new(), Vec::new());
        for (index, &text) in texts.iter().enumerate() {
            ids.extend_from_slice(tokens.get(text));
            let start = positions.len();
            push_positions(tokens.get(text), first, &mut positions);
            for (position, kind) in positions[start..].iter_mut().zip(tokens.types(text)) {
                *position += kind * rows as u32;
            }
            if padded {
                // Padding uses the first rows of both tables; its results are never read.
                ids.resize((index + 1) * width, 0);
                positions.resize((index + 1) * width, 0);
            }
        }
        let padding = if padded {
            let ids = Tensor::from_slice(&ids, ids.len(), device)?;
            Some(Padding { ids, width, mask: mask(&attended, width, device)? })
        } else {
            None
        };
        Ok(Self { ids, positions, lengths, attended, padding })
    }
}

/// Appends position numbers, counted from `first`. Padding tokens inside a text are not counted where the class asks for
/// it.
fn push_positions(ids: &[u32], first: Position, positions: &mut Vec<u32>) {
    let mut next = first.start;
    positions.extend(ids.iter().map(|&id| match first.padding {
        Some(padding) if padding == id => padding,
        _ => {
            next += 1;
            next - 1
        }
    }));
}

fn mask(attended: &[usize], width: usize, device: &Device) -> Result<Option<Tensor>> {
    if attended.iter().all(|&count| count == width) {
        return Ok(None);
    }
    let row = |&count: &usize| (0..width).map(move |at| if at < count { 0.0 } else { MASKED });
    let values: Vec<f32> = attended.iter().flat_map(row).collect();
    Tensor::from_vec(values, (attended.len(), 1, 1, width), device).map(Some)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn positions_pass_over_padding_tokens() {
        let mut positions = Vec::new();
        push_positions(&[0, 7, 1, 8, 2], Position { start: 2, padding: Some(1) }, &mut positions);
        push_positions(&[0, 7, 1], Position { start: 0, padding: None }, &mut positions);
        assert_eq!(positions, [2, 3, 1, 4, 5, 0, 1, 2]);
    }

    #[test]
    fn texts_are_packed_or_padded() {
        let mut tokens = Tokens::new(0);
        tokens.push(&[5, 6, 7]);
        tokens.push(&[8]);
        let first = Position { start: 0, padding: None };
        let packed = Batch::new(&tokens, &[1, 0], (first, 9), false, &Device::Cpu).unwrap();
        assert_eq!(packed.ids, [8, 5, 6, 7]);
        assert_eq!(packed.positions, [0, 0, 1, 2]);
        let mut pair = Tokens::new(0);
        pair.push_typed(&[5, 6, 7], &[0, 1, 1]);
        let typed = Batch::new(&pair, &[0], (first, 9), false, &Device::Cpu).unwrap();
        assert_eq!(typed.positions, [0, 10, 11]);
        let padded = Batch::new(&tokens, &[1, 0], (first, 9), true, &Device::Cpu).unwrap();
        assert_eq!(padded.ids, [8, 0, 0, 5, 6, 7]);
        let mask = padded.padding.unwrap().mask.unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(mask, [0.0, MASKED, MASKED, 0.0, 0.0, 0.0]);
    }
}
