//! The figures of a study as files, and the texts that its queries have.

use super::contour::contour;
use super::curve::curve;
use super::heat::heat;
use super::queries::Texts;
use super::scatter::scatter;
use super::svg::{Size, standalone};
use super::ternary::ternary;
use super::timeline::timeline;
use crate::sweep::file::Selection;
use crate::sweep::{Analysis, Error, Preference, Study, load, recommend};

/// All figures of a study, each with the name of its file.
///
/// # Errors
/// Records that cannot be read.
pub fn figure_files(study: &Study, full: &Analysis, confirmed: &Analysis) -> Result<Vec<(String, String)>, Error> {
    let found = recommend(study, full, confirmed, &Preference::default())?;
    let pick = found.as_ref().ok().map(|found| found.row.trial.id.as_str());
    let mut all = vec![
        ("front.svg".to_owned(), scatter(study, full, (0, 1), pick, Size::Wide)),
        ("data.svg".to_owned(), heat(study, full, Size::Wide)),
    ];
    for (analysis, name) in [(full, "curve.svg"), (confirmed, "curve-held-out.svg")] {
        let figure = curve(study, analysis, &[full, confirmed], pick, Size::Wide);
        all.extend(figure.map(|figure| (name.to_owned(), figure)));
    }
    for (index, objective) in study.manifest.spec.objectives.iter().enumerate() {
        let name: String =
            objective.name.chars().map(|c| if c.is_alphanumeric() || c == '-' { c } else { '_' }).collect();
        all.extend(contour(study, full, index, pick, Size::Wide).map(|figure| (format!("contour-{name}.svg"), figure)));
        all.extend(ternary(study, full, index, pick, Size::Wide).map(|figure| (format!("ternary-{name}.svg"), figure)));
    }
    all.extend(timeline(&[full, confirmed], Size::Wide).map(|figure| ("time.svg".to_owned(), figure)));
    Ok(all.into_iter().map(|(name, figure)| (name, standalone(&figure))).collect())
}

/// The texts of all queries, as far as the data sets are still there, and a warning for each selection whose are not.
pub fn query_texts(study: &Study) -> (Texts, Vec<String>) {
    let spec = &study.manifest.spec;
    let selections: Vec<&Selection> = std::iter::once(&spec.select).chain(&spec.report).collect();
    let (mut texts, mut warnings) = (Texts::new(), Vec::new());
    for selection in selections {
        match load(&spec.data, selection) {
            Ok(sets) => {
                for loaded in sets {
                    let label = &loaded.label;
                    texts.extend(loaded.set.queries.into_iter().map(|query| ((label.clone(), query.id), query.text)));
                }
            }
            Err(error) => warnings.push(format!("the report has no texts of queries: {error}")),
        }
    }
    (texts, warnings)
}
