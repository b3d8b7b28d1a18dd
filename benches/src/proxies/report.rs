//! The report of a run: for each proxy the rates with and without the question, and their ratio.

use anyhow::{Result, ensure};
use comfy_table::{Table, presets};
use counterfoil_load::client::closed_loop::{CONNECTIONS, LoadResult};
use counterfoil_load::statistics::interval::Interval;
use counterfoil_load::statistics::quantiles::Quantiles;
use counterfoil_test_support::ProxyKind;
use serde_json::{Value, json};

use crate::proxies::options::Options;
use crate::proxies::site::Credential;
use crate::report::{interval_of, median_of};

/// What was measured once.
pub(crate) struct Rate {
    per_second: f64,
    /// The 99th percentile of the response times, in milliseconds.
    p99: f64,
}

impl Rate {
    pub(crate) fn of(result: &LoadResult) -> Self {
        let quantiles = Quantiles::from_times(&mut result.times.clone());
        Self { per_second: result.rate(), p99: quantiles.map_or(f64::NAN, |times| times.p99 / 1e3) }
    }
}

/// One iteration: both are measured directly after each other.
pub(crate) struct Round {
    /// Through the proxy that asks first.
    pub(crate) guarded: Rate,
    /// Through the one that does not.
    pub(crate) open: Rate,
}

/// The iterations of one proxy with one kind of credential.
pub(crate) struct Measured {
    pub(crate) proxy: ProxyKind,
    pub(crate) credential: Credential,
    pub(crate) rounds: Vec<Round>,
}

impl Measured {
    /// The rate with the question in relation to the one without.
    fn ratio(&self) -> Result<Interval> {
        let ratio = |round: &Round| round.guarded.per_second / round.open.per_second;
        interval_of(&self.rounds.iter().map(ratio).collect::<Vec<_>>())
    }

    fn median(&self, value: impl Fn(&Round) -> f64) -> f64 {
        median_of(self.rounds.iter().map(value))
    }
}

/// Prints the report.
pub(crate) fn print(options: &Options, measured: &[Measured]) -> Result<()> {
    ensure!(!measured.is_empty(), "no proxy was measured");
    if options.json {
        println!("{:#}", to_json(options, measured)?);
        return Ok(());
    }
    println!(
        "{} iterations of {} s for each rate, {} sessions and as many ES256 tokens, {CONNECTIONS} connections without TLS;",
        options.iterations, options.seconds, options.credentials
    );
    println!("proxy, Counterfoil and application on core 0, the client on core 1\n");
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "", "alone/s", "asking/s", "ratio", "95 % interval", "p99 ms alone", "asking"]);
    for row in measured {
        let ratio = row.ratio()?;
        table.add_row([
            row.proxy.name().to_owned(),
            row.credential.name().to_owned(),
            format!("{:.0}", row.median(|round| round.open.per_second)),
            format!("{:.0}", row.median(|round| round.guarded.per_second)),
            format!("{:.3}", ratio.median),
            format!("{:.3} to {:.3}", ratio.low, ratio.high),
            format!("{:.1}", row.median(|round| round.open.p99)),
            format!("{:.1}", row.median(|round| round.guarded.p99)),
        ]);
    }
    println!("{}", table.trim_fmt());
    println!(
        "\nalone: through the proxy to the application. asking: the proxy asks Counterfoil first, in the shipped configuration."
    );
    Ok(())
}

fn to_json(options: &Options, measured: &[Measured]) -> Result<Value> {
    let rate = |rate: &Rate| json!({ "per_second": rate.per_second, "p99_ms": rate.p99 });
    let round = |round: &Round| json!({ "alone": rate(&round.open), "asking": rate(&round.guarded) });
    let row = |row: &Measured| {
        let ratio = row.ratio()?;
        anyhow::Ok(json!({
            "proxy": row.proxy.name(),
            "credential": row.credential.name(),
            "ratio": ratio.median,
            "interval": [ratio.low, ratio.high],
            "iterations": row.rounds.iter().map(round).collect::<Vec<_>>(),
        }))
    };
    Ok(json!({
        "seconds": options.seconds,
        "sessions": options.credentials,
        "rows": measured.iter().map(row).collect::<Result<Vec<_>>>()?,
    }))
}
