//! Reports of studies with planted results.

#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::sweep::tests::fake::{self, Fake};
use crate::sweep::{Analysis, Depth, Options, Study, TrialStage, confirm, work};

fn finished(folder: &std::path::Path) -> (Study, Analysis, Analysis) {
    let study = fake::study(folder, "study: ko-en\nselect: {part: 1/2}\nreport: {part: 2/2}\n");
    fake::run(&study, &mut Fake::new(&study)).unwrap();
    confirm(&study).unwrap();
    work(&study, &mut Fake::new(&study), Options { search: false, ..fake::options() }, &mut |_| {}).unwrap();
    let full = Analysis::read(&study, TrialStage::Full, Depth::Intervals).unwrap();
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Intervals).unwrap();
    (study, full, confirmed)
}

/// Opening and closing tags go in pairs.
fn is_balanced(xml: &str) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for part in xml.split('<').skip(1) {
        let tag = part.split('>').next().unwrap();
        if tag.starts_with(['!', '?']) || tag.ends_with('/') {
            continue;
        }
        match tag.strip_prefix('/') {
            Some(name) => {
                if open.pop() != Some(name) {
                    return false;
                }
            }
            None => open.push(tag.split_whitespace().next().unwrap()),
        }
    }
    open.is_empty()
}

#[test]
fn figures_are_well_formed_and_have_every_trial() {
    let folder = tempfile::tempdir().unwrap();
    let (study, full, confirmed) = finished(folder.path());
    let curve = curve(&study, &full, None).unwrap();
    // Two objectives at eleven ratios.
    assert_eq!(curve.matches("<circle").count(), 22);
    assert_eq!(curve.matches("<polygon").count(), 2);
    assert_eq!(curve.matches("class=\"chord").count(), 2);
    let scatter = scatter(&study, &full, (0, 1), Some(&full.rows[4].trial.id));
    assert_eq!(scatter.matches("<title>").count(), 1 + 13);
    assert_eq!(scatter.matches("class=\"pick\"").count(), 1);
    let heat = heat(&study, &full);
    assert_eq!(heat.matches("<rect").count(), 13 * 3);
    let timeline = timeline(&[&full, &confirmed]).unwrap();
    for figure in [&curve, &scatter, &heat, &timeline] {
        assert!(is_balanced(figure), "{figure}");
        assert!(is_balanced(&standalone(figure)));
        assert!(!figure.contains("NaN") && !figure.contains("inf"), "{figure}");
    }
}

#[test]
fn two_variables_have_contours_and_three_models_a_triangle() {
    let models = |names: &[&str]| {
        let model = |name: &&str| format!("{{model: {name}, parameters: {{weight: \"${{{name}}}\"}}}}");
        format!(
            "recipe: {{merge_method: linear, models: [{}]}}\n",
            names.iter().map(model).collect::<Vec<_>>().join(", ")
        )
    };
    for (names, params, points, is_triangle) in [
        (["a", "b"].as_slice(), "{a: {min: 0.2, max: 1, step: 0.2}, b: [0, 0.5, 1]}", 15, false),
        (&["a", "b", "c"], "{simplex: {of: [a, b, c], step: 0.25}}", 15, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let study = fake::study(folder.path(), &format!("{}params: {params}\n", models(names)));
        fake::run(&study, &mut Fake::new(&study)).unwrap();
        let full = Analysis::read(&study, TrialStage::Full, Depth::Means).unwrap();
        for objective in 0..2 {
            let pick = Some(full.rows[5].trial.id.as_str());
            let (contour, triangle) =
                (contour(&study, &full, objective, pick), ternary(&study, &full, objective, pick));
            let (figure, other) = if is_triangle { (triangle, contour) } else { (contour, triangle) };
            let figure = figure.unwrap();
            assert_eq!(other, None);
            assert_eq!(figure.matches("<circle class=\"dot").count(), points);
            assert_eq!(figure.matches("class=\"pick\"").count(), 1);
            assert!(figure.matches("<path class=\"contour").count() >= 6, "{figure}");
            assert!(is_balanced(&figure) && !figure.contains("NaN") && !figure.contains("inf"), "{figure}");
        }
        assert!(curve(&study, &full, None).is_none());
    }
}

#[test]
fn the_page_asks_nothing_of_the_network_and_has_every_part() {
    let folder = tempfile::tempdir().unwrap();
    let (study, full, confirmed) = finished(folder.path());
    let mut texts = Texts::new();
    texts.insert(("mono".into(), "report-3".into()), "</script><script>alert(1)</script>".into());
    let page = page(&study, &full, &confirmed, &texts).unwrap();
    for part in [
        "The trade-off",
        "The front",
        "Every data set",
        "Trials",
        "On held-out queries",
        "Query by query",
        "Time",
        "Recipes",
        "Provenance",
    ] {
        assert!(page.contains(&format!("<h2>{part}")), "{part}");
    }
    assert!(page.contains("Measured on held-out queries"));
    assert!(page.contains("<h1>ko-en</h1>"));
    for outside in ["src=", "@import", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let links: Vec<&str> = page.match_indices("http").map(|(at, _)| &page[at..(at + 30).min(page.len())]).collect();
    let is_name = |link: &&str| link.starts_with("http://www.w3.org/2000/svg") || link.starts_with("http-equiv");
    assert!(links.iter().all(is_name), "{links:?}");
    assert!(!page.contains("<script>alert") && (!page.contains("alert(1)") || page.contains("&lt;script&gt;alert(1)")));
    let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["trials"].as_array().unwrap().len(), 13);
}

#[test]
fn the_table_has_front_marks_and_differences() {
    let folder = tempfile::tempdir().unwrap();
    let (study, full, confirmed) = finished(folder.path());
    let table = terminal(&study, &full, TableOptions::default()).to_string();
    assert!(table.contains("13/13 trials"), "{table}");
    assert!(table.contains("(reference)") && table.contains('↑') && table.contains('↓'), "{table}");
    assert!(table.contains("▁") && table.contains("w=0 to w=1"), "{table}");
    assert!(terminal(&study, &confirmed, TableOptions::default()).to_string().contains("on held-out queries"));
    let all = terminal(&study, &full, TableOptions { all: true, styled: true }).to_string();
    assert!(all.lines().filter(|line| line.contains("w=0.")).count() >= 9 && all.contains("\x1b[1m"));
}

#[test]
fn wins_and_losses_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let (study, full, _) = finished(folder.path());
    let row = full.rows.iter().find(|row| row.trial.label == "w=0.5").unwrap();
    let changes = changes(&study, &full, row, &Texts::new(), 10).unwrap().unwrap();
    assert_eq!(changes.counts.len(), 3);
    assert!(changes.counts.iter().all(|(_, counts)| counts.iter().sum::<usize>() == fake::QUERIES));
    assert_eq!(changes.worst.len(), 10);
    assert!(changes.worst.windows(2).all(|pair| pair[0].after - pair[0].before <= pair[1].after - pair[1].before));
}
