//! The result of encoding with one vector a token.

/// Some vectors for each text, in the order of the texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MultiVectors {
    /// The number of dimensions of a vector.
    pub dimension: usize,
    /// All vectors, one after another.
    pub values: Vec<f32>,
    /// For each text the number of vectors up to its end.
    pub ends: Vec<usize>,
}

impl MultiVectors {
    /// The number of texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no texts.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The vectors of a text, one after another; empty beyond the last text.
    pub fn get(&self, text: usize) -> &[f32] {
        let start = text.checked_sub(1).map_or(Some(&0), |before| self.ends.get(before));
        let range = start.zip(self.ends.get(text)).map(|(start, end)| start * self.dimension..end * self.dimension);
        range.and_then(|range| self.values.get(range)).unwrap_or_default()
    }

    /// The number of vectors of a text.
    pub fn count(&self, text: usize) -> usize {
        self.get(text).len().checked_div(self.dimension).unwrap_or(0)
    }

    /// The texts one by one, each with its vectors one after another.
    pub fn texts(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        (0..self.len()).map(|text| self.get(text))
    }

    /// Adds the texts of `other` behind these.
    pub fn append(&mut self, other: &Self) {
        let before = self.ends.last().copied().unwrap_or(0);
        self.values.extend_from_slice(&other.values);
        self.ends.extend(other.ends.iter().map(|end| before + end));
    }

    /// Adds a text with these vectors.
    pub fn push(&mut self, vectors: &[f32]) {
        self.values.extend_from_slice(vectors);
        self.ends.push(self.values.len().checked_div(self.dimension).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_has_its_vectors() {
        let mut vectors = MultiVectors { dimension: 2, ..MultiVectors::default() };
        for text in [&[1.0, 2.0, 3.0, 4.0][..], &[], &[5.0, 6.0]] {
            vectors.push(text);
        }
        assert_eq!(vectors.texts().collect::<Vec<_>>(), [&[1.0, 2.0, 3.0, 4.0][..], &[], &[5.0, 6.0]]);
        assert_eq!([0, 1, 2, 3].map(|text| vectors.count(text)), [2, 0, 1, 0]);
        assert!(vectors.get(3).is_empty());
        vectors.append(&vectors.clone());
        assert_eq!(vectors.texts().map(<[f32]>::len).collect::<Vec<_>>(), [4, 0, 2, 4, 0, 2]);
    }
}
