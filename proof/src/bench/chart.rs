//! The chart: small bar charts of medians as SVG, for light and dark pages. All axes begin at zero.

use super::options::Kind;
use super::results::{Results, written};

const WIDTH: f64 = 860.0;
const PANEL: f64 = 410.0;
const GAP: f64 = 40.0;
const LINE: f64 = 24.0;
const HEAD: f64 = 46.0;
/// Where bars begin, and how long the longest is.
const NAMES: f64 = 112.0;
const LONGEST: f64 = 215.0;

/// A panel: its title, a note, and the figure that it shows.
struct Panel {
    title: &'static str,
    note: &'static str,
    /// The case, the setting and the figure's name.
    figure: [&'static str; 3],
    servers: &'static [Kind],
}

const PANELS: [Panel; 6] = {
    use Kind::{Flask, Floor, Node, NodeGrouped, Parlor, ParlorPostgres};
    const fn panel(title: &'static str, note: &'static str, figure: [&'static str; 3], servers: &'static [Kind]) -> Panel {
        Panel { title, note, figure, servers }
    }
    const FOUR: &[Kind] = &[Parlor, Node, Flask, Floor];
    const FANOUT: &str = "1,000 listeners";
    let saturated = ["fanout", FANOUT, "saturated: deliveries/s"];
    let (within, each) = (["fanout", FANOUT, "paced: p99, ms"], ["fanout", FANOUT, "paced: CPU a delivery, µs"]);
    let posts = ["posts", "128 under way, 1 room", "posts/s"];
    let connects = ["connects", "replay of 50", "connects/s"];
    let memory = ["idle", "10,000 connections", "memory a connection, KiB"];
    [
        panel("Deliveries a second", "1,000 listeners, as many as it takes; more is better", saturated, FOUR),
        panel("Delivery, 99 of 100 within, ms", "1,000 listeners, 20 posts a second; less is better", within, FOUR),
        panel(
            "Posts on the disk, a second",
            "128 under way; more is better",
            posts,
            &[Parlor, ParlorPostgres, Node, NodeGrouped, Flask, Floor],
        ),
        panel("CPU a delivery, µs", "1,000 listeners, 20 posts a second; less is better", each, FOUR),
        panel(
            "Connects a second",
            "each with a replay of 50 messages; more is better",
            connects,
            &[Parlor, ParlorPostgres, Node, Flask, Floor],
        ),
        panel("Memory a waiting connection, KiB", "10,000 connections; less is better", memory, FOUR),
    ]
};

pub fn draw(results: &Results) -> String {
    let mut body = String::new();
    let mut top = 8.0;
    for pair in PANELS.chunks(2) {
        let tallest = pair.iter().map(|panel| panel.servers.len()).max().unwrap_or_default();
        for (nth, panel) in pair.iter().enumerate() {
            panel.draw(results, nth as f64 * (PANEL + GAP), top, &mut body);
        }
        top += HEAD + tallest as f64 * LINE + 22.0;
    }
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" width="{WIDTH}" height="{top}" role="img" aria-label="Parlor beside its peers">
<style>
text {{ font: 13px system-ui, sans-serif; fill: #1f2328 }} .title {{ font-weight: 600; font-size: 14px }} .note, .n {{ fill: #59636e }} .note {{ font-size: 12px }}
.v {{ font-variant-numeric: tabular-nums }} rect {{ fill: #aeb6c0 }} .us {{ fill: #2f6f5e }} .floor {{ fill: none; stroke: #8b949e; stroke-dasharray: 3 3 }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .note, .n {{ fill: #9aa4af }} rect {{ fill: #59636e }} .us {{ fill: #63b89f }} .floor {{ fill: none }} }}
</style>
{body}</svg>
"##
    )
}

impl Panel {
    fn draw(&self, results: &Results, left: f64, top: f64, svg: &mut String) {
        let value = |kind: &Kind| results.median(self.figure[0], self.figure[1], self.figure[2], *kind);
        // The scale fits the servers; a floor that is far off is cut with an arrow.
        let servers = self.servers.iter().filter(|kind| **kind != Kind::Floor);
        let most = servers.filter_map(value).fold(f64::MIN_POSITIVE, f64::max);
        line(svg, left, top + 14.0, "title", self.title);
        line(svg, left, top + 31.0, "note", self.note);
        let mut y = top + HEAD;
        for kind in self.servers {
            let Some(value) = value(kind) else { continue };
            let length = (value / most * LONGEST).clamp(1.0, LONGEST);
            let beyond = if value > most { "→ " } else { "" };
            let class = match kind {
                Kind::Parlor | Kind::ParlorPostgres => "us",
                Kind::Floor => "floor",
                _ => "peer",
            };
            let x = left + NAMES;
            line(svg, left, y + 12.0, "n", &kind.to_string());
            svg.push_str(&format!(r#"<rect class="{class}" x="{x:.1}" y="{y:.1}" width="{length:.1}" height="16" rx="2"/>"#));
            svg.push('\n');
            line(svg, x + length + 7.0, y + 12.5, "v", &format!("{beyond}{}", written(value)));
            y += LINE;
        }
    }
}

fn line(svg: &mut String, x: f64, y: f64, class: &str, text: &str) {
    svg.push_str(&format!(r#"<text class="{class}" x="{x:.1}" y="{y:.1}">{text}</text>"#));
    svg.push('\n');
}
