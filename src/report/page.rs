//! The HTML report, a single file that needs no network.

use std::fmt::Write as _;

use super::figures::figures;
use super::palette::SERIES;
use super::queries::{Changes, Texts, changes};
use super::recommendation::recommendation;
use super::terminal::{duration, sorted};
use super::variables::sentence;
use crate::escape::{html as escaped, json};
use crate::sweep::{Analysis, Error, Preference, Row, Study, TrialStage, recipe_text, recommend, to_json};

/// Number of queries that are shown of those that lose most.
const WORST: usize = 10;

/// The report. `confirmed` may have no rows; then the search's queries speak.
///
/// # Errors
/// Records that cannot be read.
pub fn page(study: &Study, full: &Analysis, confirmed: &Analysis, texts: &Texts) -> Result<String, Error> {
    let has_points = confirmed.rows.iter().any(|row| row.trial.point().is_some());
    let headline = if has_points { confirmed } else { full };
    let preference = Preference::default();
    let found = recommend(study, full, confirmed, &preference)?;
    let chosen = found.as_ref().ok().map(|found| found.row);
    let pick = chosen.map(|row| row.trial.id.as_str());
    let title = escaped(&study.manifest.spec.study);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src \
         'unsafe-inline'; img-src data:\">\n<title>{title}</title>\n<style>{}{}</style></head><body>\n<h1>{title}</h1>\n",
        include_str!("page.css"),
        series_style()
    );
    let queries = if headline.stage == TrialStage::Confirm {
        "Measured on held-out queries, which the search has not seen."
    } else if study.manifest.spec.report.is_some() {
        "Measured on the queries that chose the point; admix sweep confirm scores it on held-out ones."
    } else {
        "Measured on the queries that chose the point: the best of many looks better than it is."
    };
    let sentences = recommendation(study, &found, &preference);
    let sentences: Vec<String> = sentences.iter().map(|sentence| escaped(sentence)).collect();
    let _ = writeln!(out, "<p class=\"verdict\">{}</p><p class=\"note\">{queries}</p>", sentences.join("<br>"));
    if let Some(variables) = sentence(study) {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(&variables));
    }
    for note in &full.notes {
        let _ = writeln!(out, "<p class=\"note\">{}</p>", escaped(note));
    }
    figures(study, full, confirmed, pick, &mut out);
    table("Trials", study, full, &mut out);
    if !confirmed.rows.is_empty() {
        table("On held-out queries", study, confirmed, &mut out);
    }
    if let Some(row) = chosen.and_then(|row| headline.row(&row.trial.id))
        && let Some(changes) = changes(study, headline, row, texts, WORST)?
    {
        by_query(row, &changes, &mut out);
    }
    recipes(study, full, &mut out);
    provenance(study, full, &mut out);
    // No `</script>` ends it and no `<!--` hides its end.
    let data = json(&to_json(study, full, Some(confirmed)), false).replace('<', "\\u003c");
    let _ = writeln!(out, "<p><a id=\"data-link\" download=\"study.json\" href=\"#\">study.json</a></p>");
    let _ = writeln!(
        out,
        "<script type=\"application/json\" id=\"data\">{data}</script><div id=\"tip\" role=\"status\"></div>"
    );
    let _ = writeln!(out, "<script>{}</script></body></html>", include_str!("page.js"));
    Ok(out)
}

/// The colours of series, by the ground.
fn series_style() -> String {
    let mut out = String::new();
    for (index, (light, dark)) in SERIES.iter().enumerate() {
        let _ = write!(
            out,
            ".s{index}{{color:{light}}}@media screen and (prefers-color-scheme:dark){{.s{index}{{color:{dark}}}}}"
        );
    }
    out
}

fn table(title: &str, study: &Study, analysis: &Analysis, out: &mut String) {
    let _ = write!(
        out,
        "<h2>{title}</h2><div class=\"scroll\"><table class=\"sortable\"><caption>Differences are from the reference; ↑ ↓: more \
         than chance (paired randomisation over queries, Holm over trials and objectives, p &lt; 0.05); * on the front\
         </caption><thead><tr><th scope=\"col\"><button>trial</button></th>"
    );
    for objective in &study.manifest.spec.objectives {
        let name = escaped(&objective.name);
        let _ = write!(
            out,
            "<th scope=\"col\"><button>{name}</button></th><th scope=\"col\"><button>difference</button></th><th \
             scope=\"col\"><button>95 % interval</button></th><th scope=\"col\"><button>p</button></th>"
        );
    }
    out.push_str("<th scope=\"col\"><button>seconds</button></th></tr></thead><tbody>\n");
    for row in sorted(analysis) {
        let (class, star) = if row.pareto_optimal { (" class=\"front\"", "*") } else { ("", "") };
        let _ = write!(out, "<tr{class}><td>{}{star}</td>", escaped(&row.trial.label));
        for (index, value) in row.objectives.iter().enumerate() {
            let _ = write!(out, "<td data-value=\"{value}\">{value:.4}</td>");
            match row.against.get(index).copied().flatten() {
                None => out.push_str("<td></td><td></td><td></td>"),
                Some(against) => {
                    let mark = match () {
                        () if !against.is_significant() => "",
                        () if against.difference > 0.0 => "↑",
                        () => "↓",
                    };
                    let interval =
                        against.interval.map_or_else(String::new, |(low, high)| format!("{low:+.4} … {high:+.4}"));
                    let _ = write!(
                        out,
                        "<td data-value=\"{d}\">{d:+.4}{mark}</td><td>{interval}</td><td data-value=\"{p}\">{p:.4}</td>",
                        d = against.difference,
                        p = against.corrected
                    );
                }
            }
        }
        let _ = writeln!(out, "<td data-value=\"{s}\">{s:.1}</td></tr>", s = row.result.timings.total);
    }
    out.push_str("</tbody></table></div>\n");
    for (trial, error) in &analysis.failed {
        let _ = writeln!(out, "<p class=\"note\">{} failed: {}</p>", escaped(&trial.label), escaped(error));
    }
    if !analysis.dropped.is_empty() {
        let names: Vec<String> = analysis.dropped.iter().map(|dropped| escaped(&dropped.trial.label)).collect();
        let _ = writeln!(
            out,
            "<p class=\"note\">Stopped early by a race on samples of the queries, without scores over all of them: {}</p>",
            names.join(", ")
        );
    }
}

fn by_query(row: &Row, changes: &Changes, out: &mut String) {
    let _ = writeln!(
        out,
        "<h2>Query by query: {}</h2><table><thead><tr><th scope=\"col\">data set</th><th scope=\"col\">better</th><th \
         scope=\"col\">equal</th><th scope=\"col\">worse</th></tr></thead><tbody>",
        escaped(&row.trial.label)
    );
    for (set, [better, equal, worse]) in &changes.counts {
        let set = escaped(set);
        let _ = writeln!(out, "<tr><td>{set}</td><td>{better}</td><td>{equal}</td><td>{worse}</td></tr>");
    }
    out.push_str("</tbody></table>\n");
    if changes.worst.is_empty() {
        return;
    }
    out.push_str(
        "<h3>What it loses most on</h3><div class=\"scroll\"><table><thead><tr><th scope=\"col\">query</th><th scope=\"col\">data \
         set</th><th scope=\"col\">reference</th><th scope=\"col\">this</th></tr></thead><tbody>\n",
    );
    for change in &changes.worst {
        let text = change.text.as_deref().unwrap_or(&change.query);
        let text: String = text.chars().take(300).collect();
        let _ = writeln!(
            out,
            "<tr><td class=\"text\">{}</td><td>{}</td><td>{:.3}</td><td>{:.3}</td></tr>",
            escaped(&text),
            escaped(&change.set),
            change.before,
            change.after
        );
    }
    out.push_str("</tbody></table></div>\n");
}

fn recipes(study: &Study, full: &Analysis, out: &mut String) {
    out.push_str("<h2>Recipes of the front</h2>\n");
    for row in full.pareto_front() {
        if let Ok(text) = recipe_text(study, row) {
            let _ = writeln!(
                out,
                "<details><summary>{}</summary><pre>{}</pre></details>",
                escaped(&row.trial.label),
                escaped(&text)
            );
        }
    }
}

fn provenance(study: &Study, full: &Analysis, out: &mut String) {
    let manifest = &study.manifest;
    let scoring = &manifest.spec.scoring;
    out.push_str("<h2>Provenance</h2><div class=\"scroll\"><table><tbody>\n");
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td class=\"text\">{}</td></tr>",
            escaped(name),
            escaped(value)
        );
    };
    line("admix", &manifest.admix);
    line("search", &format!("{}, seed {}", manifest.spec.search.method.name(), manifest.spec.search.seed));
    line("device", &full.rows.first().map_or_else(|| scoring.device.clone(), |row| row.result.device.clone()));
    line("rules", &scoring.compat.to_string());
    line("time", &duration(full.time.total));
    for model in &manifest.models {
        line(&model.short, &format!("{} sha256 {}", model.path.display(), model.hash));
    }
    for set in &manifest.sets {
        let held_out = if set.held_out > 0 { format!(", {} held out", set.held_out) } else { String::new() };
        line(&set.label, &format!("{} queries{held_out}, {} documents", set.queries, set.documents));
    }
    for file in &manifest.data {
        line("data", &format!("{} sha256 {}", file.file, file.sha256));
    }
    out.push_str("</tbody></table></div>\n");
}
