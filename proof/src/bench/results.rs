//! The measured figures of every round, with where, when and how they were measured.
//!
//! Owns medians, and the JSON of a run.

use serde::{Deserialize, Serialize};

use super::options::{Case, Kind, Options};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    More,
    Less,
    /// It only describes the measurement.
    Neither,
}

#[derive(Clone, Debug)]
pub struct Figure {
    /// Such as `1,000 listeners`.
    pub setting: String,
    /// With its unit, such as `CPU a delivery, µs`.
    pub name: String,
    pub better: Better,
    pub value: f64,
}

impl Figure {
    fn new(setting: &str, name: &str, better: Better, value: f64) -> Self {
        Self { setting: setting.to_owned(), name: name.to_owned(), better, value }
    }

    /// A rate: the more, the better.
    pub fn more(setting: &str, name: &str, value: f64) -> Self {
        Self::new(setting, name, Better::More, value)
    }

    /// A cost or a time: the less, the better.
    pub fn less(setting: &str, name: &str, value: f64) -> Self {
        Self::new(setting, name, Better::Less, value)
    }

    /// A description of the measurement.
    pub fn about(setting: &str, name: &str, value: f64) -> Self {
        Self::new(setting, name, Better::Neither, value)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Series {
    pub case: String,
    pub setting: String,
    pub name: String,
    pub better: Better,
    pub server: String,
    pub rounds: Vec<f64>,
}

impl Series {
    pub fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[odd / 2],
            even => f64::midpoint(sorted[even / 2 - 1], sorted[even / 2]),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    pub machine: String,
    /// The disk, the processors, the versions, the machine's load before.
    pub remarks: Vec<String>,
    pub command: String,
    pub minutes: f64,
    pub series: Vec<Series>,
    pub failures: Vec<String>,
    #[serde(skip)]
    began: Option<std::time::Instant>,
}

impl Results {
    pub fn begin(machine: String, options: &Options, versions: Vec<String>) -> Self {
        let command: Vec<_> = std::env::args().skip(1).collect();
        let mut remarks = super::meter::surroundings(options);
        remarks.extend(versions);
        Self {
            machine,
            remarks,
            command: format!("cargo run --release -p proof -- {}", command.join(" ")),
            minutes: 0.0,
            series: Vec::new(),
            failures: Vec::new(),
            began: Some(std::time::Instant::now()),
        }
    }

    pub fn add(&mut self, case: Case, server: Kind, figures: Vec<Figure>) {
        let (case, server) = (case.to_string(), server.to_string());
        for Figure { setting, name, better, value } in figures {
            let known = self
                .series
                .iter_mut()
                .find(|it| it.case == case && it.server == server && it.setting == setting && it.name == name);
            match known {
                Some(series) => series.rounds.push(value),
                None => self.series.push(Series {
                    case: case.clone(),
                    setting,
                    name,
                    better,
                    server: server.clone(),
                    rounds: vec![value],
                }),
            }
        }
    }

    pub fn fail(&mut self, case: Case, server: Kind, round: usize, error: &dyn std::error::Error) {
        eprintln!("{case}, round {round}, {server}: {error}");
        self.failures.push(format!("{case}, round {round}, {server}: {error}"));
    }

    pub fn finish(&mut self) {
        self.minutes = self.began.map_or(0.0, |began| began.elapsed().as_secs_f64() / 60.0);
    }

    pub fn find(&self, case: &str, setting: &str, name: &str, server: Kind) -> Option<&Series> {
        let server = server.to_string();
        self.series.iter().find(|it| it.case == case && it.setting == setting && it.name == name && it.server == server)
    }

    pub fn median(&self, case: &str, setting: &str, name: &str, server: Kind) -> Option<f64> {
        self.find(case, setting, name, server).map(Series::median)
    }
}

/// A number with separated thousands, and as many decimals as its size needs.
pub fn written(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        small if small < 10.0 => 2,
        middle if middle < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), ""), |(whole, fraction)| (whole, fraction));
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{}{point}{fraction}", grouped(whole))
}

pub fn grouped(digits: impl ToString) -> String {
    let digits = digits.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn numbers_read_well() {
    assert_eq!(written(1_183_315.4), "1,183,315");
    assert_eq!(written(51.69), "51.7");
    assert_eq!(written(0.84), "0.84");
    assert_eq!(written(0.0), "0");
    assert_eq!(grouped(10_000), "10,000");
}
