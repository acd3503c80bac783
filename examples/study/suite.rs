//! The two collections of retrievers and data sets that the study is about.

use std::path::{Path, PathBuf};

/// Retrievers of one base, and the data sets that they are scored on.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    /// The name of its files.
    pub(crate) name: &'static str,
    /// Its heading.
    pub(crate) title: &'static str,
    /// What it is, in a few sentences.
    pub(crate) about: &'static str,
    /// The folder with the retrievers.
    pub(crate) retrievers: PathBuf,
    /// The fine-tunes of `base`.
    pub(crate) experts: &'static [Expert],
    /// Models for methods that merge two: the first is their base.
    pub(crate) pairs: &'static [(&'static str, &'static str)],
    /// The usual size of a weight's change by a fine-tune, for methods that have a threshold on it.
    pub(crate) change: f64,
    /// The most settings of a method.
    pub(crate) points: usize,
    /// Rounds of `admix learn`.
    pub(crate) rounds: usize,
    /// The most queries that choose, and held-out ones, of a direction.
    pub(crate) queries: [usize; 2],
    /// The directions, and what the merges are never chosen by.
    pub(crate) columns: Vec<Column>,
}

/// A fine-tune of the base.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expert {
    /// Its folder.
    pub(crate) name: &'static str,
    /// Whether it was trained on queries and documents of different languages.
    pub(crate) across: bool,
}

/// A data set in one direction.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    /// Its heading.
    pub(crate) name: &'static str,
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The direction to take of the folder.
    pub(crate) direction: &'static str,
    /// How its queries are divided; `None` for one that is only scored at the end.
    pub(crate) split: Option<Split>,
}

/// How queries are divided into those that choose and those that are held out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Split {
    /// The data set's own splits: `dev` chooses, `test` is held out.
    Own,
    /// Half of the documents with all of their queries, by the documents' ids.
    Documents,
}

const fn expert(name: &'static str, across: bool) -> Expert {
    Expert { name, across }
}

const BUNDLED: &[Expert] =
    &[expert("cross-ko-en", true), expert("cross-en-ko", true), expert("mono-ko", false), expert("mono-en", false)];
const REAL: &[Expert] = &[expert("ko-en", true), expert("ko-ko", false)];

impl Suite {
    /// The retrievers of the repository.
    pub(crate) fn bundled(fixtures: &Path) -> Self {
        let column = |direction: &'static str| Column {
            name: direction,
            folder: fixtures.join("bilingual").join(direction),
            direction,
            split: Some(Split::Own),
        };
        Self {
            name: "bundled",
            title: "The bundled retrievers",
            about: "Four fine-tunes of one small base (2 layers of width 96, 0.7 million parameters), trained for this project: \
                    `mono-ko` and `mono-en` on questions and passages of one language, `cross-ko-en` on Korean questions and English \
                    passages, `cross-en-ko` the other way round. The data sets are the project's own: 160 passages and two questions on \
                    each, in both languages. The split `dev` chooses, and `test` is held out.",
            retrievers: fixtures.join("retrievers"),
            experts: BUNDLED,
            pairs: &[("base", "cross-ko-en"), ("base", "cross-en-ko"), ("cross-ko-en", "cross-en-ko")],
            change: 0.01,
            points: 9,
            rounds: 2,
            queries: [usize::MAX; 2],
            columns: ["ko-ko", "en-en", "ko-en", "en-ko"].map(column).into(),
        }
    }

    /// Real retrievers and real data sets.
    pub(crate) fn real(retrievers: &Path, sets: &Path) -> Self {
        let column = |name, folder, direction, split| Column { name, folder: sets.join(folder), direction, split };
        let by_documents = Some(Split::Documents);
        Self {
            name: "real",
            title: "Fine-tunes of all-MiniLM-L6-v2",
            about: "all-MiniLM-L6-v2 (6 layers of width 384, 22.7 million parameters, an English retriever) is `base`. `ko-en` is a fine-tune of \
                    it on 6,000 Korean and English sentences that translate each other, in both directions, and `ko-ko` one on 2,880 Korean \
                    questions and paragraphs, both by InfoNCE over three epochs. `ko-ko` is scored on questions of KorQuAD 1.0 that no \
                    checkpoint saw, `en-en` on XQuAD, and `ko-en` and `en-ko` on 720 sentences of the Korean Parallel Corpora with their \
                    translations. Half of the documents of each data set choose, with their queries, and the other half is held out: neither sees the other's. \
                    400 short sentences of Tatoeba choose nothing: they show whether a choice holds for other texts. The checkpoints and \
                    these data sets are not part of the repository.",
            retrievers: retrievers.to_owned(),
            experts: REAL,
            pairs: &[("base", "ko-en"), ("base", "ko-ko"), ("ko-ko", "ko-en")],
            change: 0.001,
            points: 12,
            rounds: 1,
            queries: [160, 240],
            columns: vec![
                column("ko-ko", "korquad-ko", "ko-ko", by_documents),
                column("en-en", "xquad-en", "en-en", by_documents),
                column("ko-en", "jhe", "ko-en", by_documents),
                column("en-ko", "jhe", "en-ko", by_documents),
                column("tatoeba ko-en", "tatoeba", "ko-en", None),
                column("tatoeba en-ko", "tatoeba", "en-ko", None),
            ],
        }
    }

    /// The folder of a model.
    pub(crate) fn model(&self, name: &str) -> PathBuf {
        self.retrievers.join(name)
    }

    /// The base and its fine-tunes.
    pub(crate) fn models(&self) -> Vec<&'static str> {
        std::iter::once("base").chain(self.experts.iter().map(|expert| expert.name)).collect()
    }

    /// The directions by which merges are chosen.
    pub(crate) fn directions(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.split.is_some())
    }
}

/// Whether queries and documents of a direction are of one language.
pub(crate) fn is_within_language(direction: &str) -> bool {
    direction.split_once('-').is_some_and(|(query, document)| query == document)
}
