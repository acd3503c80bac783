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
    let curve = curve(&study, &full, &[&full, &confirmed], None, Size::Wide).unwrap();
    // Two objectives at eleven ratios.
    assert_eq!(curve.matches("<circle").count(), 22);
    assert_eq!(curve.matches("<polygon").count(), 2);
    assert_eq!(curve.matches("class=\"chord").count(), 2);
    let scatter = scatter(&study, &full, (0, 1), Some(&full.rows[4].trial.id), Size::Wide);
    assert_eq!(scatter.matches("<title>").count(), 1 + 13);
    assert_eq!(scatter.matches("class=\"pick\"").count(), 1);
    let heat = heat(&study, &full, Size::Wide);
    assert_eq!(heat.matches("<g tabindex").count(), 13 * 3);
    let timeline = timeline(&[&full, &confirmed], Size::Wide).unwrap();
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
            let (contour, triangle) = (
                contour(&study, &full, objective, pick, Size::Wide),
                ternary(&study, &full, objective, pick, Size::Wide),
            );
            let (figure, other) = if is_triangle { (triangle, contour) } else { (contour, triangle) };
            let figure = figure.unwrap();
            assert_eq!(other, None);
            assert_eq!(figure.matches("<circle class=\"dot").count(), points);
            assert_eq!(figure.matches("class=\"pick\"").count(), 1);
            assert!(figure.matches("<path class=\"contour").count() >= 6, "{figure}");
            assert!(is_balanced(&figure) && !figure.contains("NaN") && !figure.contains("inf"), "{figure}");
        }
        assert!(curve(&study, &full, &[&full], None, Size::Wide).is_none());
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
    let all = terminal(&study, &full, TableOptions { all: true, styled: true, columns: None }).to_string();
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

/// A text of a figure: what it says, and the room it takes.
#[derive(Debug)]
struct Written {
    said: String,
    class: String,
    x: (f64, f64),
    y: (f64, f64),
}

fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    tag.split(&format!(" {name}=\"")).nth(1)?.split('"').next()
}

/// The size of a figure and its texts, as a browser with a wide font would lay them out.
fn written(figure: &str) -> ((f64, f64), Vec<Written>) {
    let number = |tag: &str, name: &str| attribute(tag, name).and_then(|value| value.parse::<f64>().ok());
    let size = (number(figure, "width").unwrap(), number(figure, "height").unwrap());
    let texts = figure.split("<text").skip(1).map(|part| {
        let (tag, rest) = part.split_once('>').unwrap();
        let said = rest.split('<').next().unwrap();
        let said = said.replace("&#39;", "'").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
        let class = attribute(tag, "class").unwrap_or_default().to_owned();
        let letters = if class.contains("tick") || class.contains("cell") { 11.0 } else { 12.0 };
        let wide = text::extent(&said, letters);
        let (x, y) = (number(tag, "x").unwrap(), number(tag, "y").unwrap());
        let left = match attribute(tag, "text-anchor") {
            Some("middle") => x - wide / 2.0,
            Some("end") => x - wide,
            _ => x,
        };
        let down = if tag.contains("dominant-baseline") { letters * 0.5 } else { letters * 0.25 };
        let (x, y) = if tag.contains("rotate(-90") {
            ((x - letters, x + letters * 0.25), (y - wide / 2.0, y + wide / 2.0))
        } else {
            ((left, left + wide), (y + down - letters, y + down))
        };
        Written { said, class, x, y }
    });
    (size, texts.collect())
}

/// A study whose names are as long as people make them.
fn long_names(folder: &std::path::Path) -> (Study, Analysis, Analysis) {
    let models = ["a-retriever-for-korean-and-english-questions-v2-checkpoint-120000", "b"];
    let recipe = format!(
        "recipe: {{merge_method: slerp, base_model: {}, models: [{{model: {}}}], parameters: {{t: \"${{ratio_of_the_two}}\"}}}}\n",
        models[0], models[1]
    );
    let more = "params: {ratio_of_the_two: {min: 0, max: 1, step: 0.05}}\nselect: {part: 1/2}\nreport: {part: 2/2}\n\
                objectives: {questions in Korean with answers in Korean: {mean: [mono]}, cross one: {mean: [cross]}}\n";
    let study = fake::study(folder, &format!("study: names\n{recipe}{more}"));
    fake::run(&study, &mut Fake::new(&study)).unwrap();
    confirm(&study).unwrap();
    work(&study, &mut Fake::new(&study), Options { search: false, ..fake::options() }, &mut |_| {}).unwrap();
    let full = Analysis::read(&study, TrialStage::Full, Depth::Intervals).unwrap();
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Intervals).unwrap();
    (study, full, confirmed)
}

#[test]
fn no_text_of_a_figure_is_clipped_and_labels_do_not_cover_each_other() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    for (study, full, confirmed) in [finished(folders[0].path()), long_names(folders[1].path())] {
        for size in [Size::Wide, Size::Narrow] {
            let all = [&full, &confirmed];
            let mut figures: Vec<String> = all.iter().filter_map(|one| curve(&study, one, &all, None, size)).collect();
            assert_eq!(figures.len(), 2);
            figures.extend(all.iter().map(|one| scatter(&study, one, (0, 1), None, size)));
            figures.extend([heat(&study, &full, size), timeline(&all, size).unwrap()]);
            for figure in &figures {
                let ((width, height), texts) = written(figure);
                assert!(texts.len() > 4, "{figure}");
                for text in &texts {
                    let inside =
                        text.x.0 >= -0.5 && text.x.1 <= width + 0.5 && text.y.0 >= -0.5 && text.y.1 <= height + 0.5;
                    assert!(inside, "{text:?} of {width}×{height}\n{figure}");
                }
                let clashes = |one: &Written, other: &Written| {
                    let shared = |a: (f64, f64), b: (f64, f64)| a.1.min(b.1) - a.0.max(b.0);
                    shared(one.x, other.x) > 2.0 && shared(one.y, other.y) > 3.0
                };
                for (at, one) in texts.iter().enumerate() {
                    for other in texts.iter().skip(at + 1).filter(|other| one.class == other.class) {
                        assert!(!clashes(one, other), "{one:?} and {other:?}\n{figure}");
                    }
                }
            }
        }
    }
}

#[test]
fn every_point_on_the_front_has_its_ratio_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let (study, full, confirmed) = finished(folder.path());
    for analysis in [&full, &confirmed] {
        for size in [Size::Wide, Size::Narrow] {
            let (_, texts) = written(&scatter(&study, analysis, (0, 1), None, size));
            let labels: Vec<&str> =
                texts.iter().filter(|text| text.class == "label").map(|text| text.said.as_str()).collect();
            for row in analysis.pareto_front().filter(|row| row.trial.point().is_some()) {
                let ratio = row.trial.point().unwrap()[0].to_string();
                assert!(
                    labels.iter().any(|label| label.split(", ").any(|part| part == ratio)),
                    "{ratio} of {labels:?}"
                );
            }
        }
    }
}

#[test]
fn the_report_says_which_model_a_variable_is_of_and_shows_both_kinds_of_queries() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = "recipe: {merge_method: linear, models: [{model: a, parameters: {weight: 1}}, {model: b, parameters: {weight: \"${w1}\"}}]}\n";
    let more = "params: {w1: {min: 0, max: 1, step: 0.25}}\nselect: {part: 1/2}\nreport: {part: 2/2}\n";
    let study = fake::study(folder.path(), &format!("study: s\n{recipe}{more}"));
    fake::run(&study, &mut Fake::new(&study)).unwrap();
    confirm(&study).unwrap();
    work(&study, &mut Fake::new(&study), Options { search: false, ..fake::options() }, &mut |_| {}).unwrap();
    let full = Analysis::read(&study, TrialStage::Full, Depth::Intervals).unwrap();
    let confirmed = Analysis::read(&study, TrialStage::Confirm, Depth::Intervals).unwrap();
    let page = page(&study, &full, &confirmed, &Texts::new()).unwrap();
    assert!(page.contains("w1 is the weight of b."), "{page}");
    assert!(page.contains(">w1: weight of b</text>"));
    assert!(page.contains("<h2>The trade-off</h2>") && page.contains("<h2>The trade-off on held-out queries</h2>"));
    // Each for a wide and a narrow screen.
    assert_eq!(page.matches(">Held-out queries</text>").count(), 4);
    let table = terminal(&study, &full, TableOptions::default()).to_string();
    assert!(table.contains("w1: weight of b\n"), "{table}");
}

#[test]
fn heat_colours_tell_large_differences_apart() {
    let (_, small) = palette::diverging(0.02, 0.5);
    let (_, middle) = palette::diverging(0.25, 0.5);
    let (_, large) = palette::diverging(-0.5, 0.5);
    assert!(small > 0.1 && middle > small + 0.2 && large > middle + 0.1, "{small} {middle} {large}");
}

#[test]
fn the_table_of_results_fits_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let (study, full, _) = long_names(folder.path());
    for columns in [40, 80] {
        let shown = TableOptions { all: true, columns: Some(columns), ..TableOptions::default() };
        let page = terminal(&study, &full, shown).within(Some(columns));
        assert!(page.lines().all(|line| crate::escape::width(line) <= columns), "{page}");
        for row in &full.rows {
            for value in &row.objectives {
                assert!(page.contains(&format!("{value:.4}")), "{value}\n{page}");
            }
        }
    }
}
