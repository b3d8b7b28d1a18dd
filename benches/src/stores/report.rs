//! The report of a run: the rates, and the ratios with their goals.

use anyhow::{Context as _, Result};
use comfy_table::{Table, presets};
use counterfoil_load::statistics::interval::Interval;
use serde_json::{Value, json};

use crate::report::{Sample, interval_of, median_of};
use crate::stores::contender::{
    BARE, EXPRESS, FROM_REDIS, SQLITE_FILE, TOWER_REDIS, TOWER_SQLITE, WITH_REDIS,
};
use crate::stores::options::Options;
use crate::stores::results::{Iteration, RedisMemory};

/// What a ratio should be.
#[derive(Clone, Copy)]
enum Goal {
    AtLeast(f64),
    AtMost(f64),
    None,
}

/// A ratio of two rows, or of two measured sizes.
struct Comparison {
    name: String,
    interval: Interval,
    goal: Goal,
}

impl Goal {
    fn text(self) -> String {
        match self {
            Self::AtLeast(goal) => format!(">= {goal}"),
            Self::AtMost(goal) => format!("<= {goal}"),
            Self::None => String::new(),
        }
    }

    fn is_met(self, ratio: f64) -> Option<bool> {
        match self {
            Self::AtLeast(goal) => Some(ratio >= goal),
            Self::AtMost(goal) => Some(ratio <= goal),
            Self::None => None,
        }
    }
}

/// Prints the report of contenders with these names.
pub(crate) fn print(
    options: &Options,
    names: &[&str],
    iterations: &[Iteration],
    memory: &RedisMemory,
) -> Result<()> {
    let comparisons = compare(names, iterations, memory)?;
    if options.json {
        println!("{:#}", to_json(options, names, iterations, (&comparisons, memory)));
        return Ok(());
    }
    println!(
        "{} iterations of {} s for each row, {} sessions, 64 connections (32 for each of two nodes);",
        options.iterations, options.seconds, options.credentials
    );
    println!("the server on core 0, the client and the database servers on core 1\n");
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "per second", "CPU µs", "p99 ms"]);
    for (name, samples) in rows(names, iterations) {
        let median = |value: fn(&Sample) -> f64| median_of(samples.iter().map(|sample| value(sample)));
        let (rate, cpu, p99) = (median(Sample::rate), median(Sample::cpu), median(Sample::p99) / 1e3);
        table.add_row([name.to_owned(), format!("{rate:.0}"), format!("{cpu:.1}"), format!("{p99:.2}")]);
    }
    println!("{}\n", table.trim_fmt());
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(["", "ratio", "95 % interval", "goal", ""]);
    for Comparison { name, interval, goal } in &comparisons {
        let met = match goal.is_met(interval.median) {
            Some(true) => "met",
            Some(false) => "not met",
            None => "",
        };
        let range = format!("{:.3} to {:.3}", interval.low, interval.high);
        table.add_row([name.clone(), format!("{:.3}", interval.median), range, goal.text(), met.to_owned()]);
    }
    println!("{}", table.trim_fmt());
    println!("\nRedis memory of a session: {}", memory.text());
    Ok(())
}

/// The samples of each row, the nodes last.
fn rows<'a>(names: &[&'a str], iterations: &'a [Iteration]) -> Vec<(&'a str, Vec<&'a Sample>)> {
    let of_contender = |(index, name): (usize, &&'a str)| {
        (*name, iterations.iter().map(|iteration| &iteration.samples[index]).collect())
    };
    let of_node = |(index, name): (usize, &'a str)| {
        (name, iterations.iter().map(|iteration| &iteration.nodes[index]).collect())
    };
    let nodes = ["one of two nodes", "the other node"].into_iter().enumerate();
    names.iter().enumerate().map(of_contender).chain(nodes.map(of_node)).collect()
}

fn compare(names: &[&str], iterations: &[Iteration], memory: &RedisMemory) -> Result<Vec<Comparison>> {
    let rows = rows(names, iterations);
    let samples = |name: &str| {
        let row = rows.iter().find(|(of, _)| *of == name);
        row.map(|(_, samples)| samples).with_context(|| format!("`{name}` was not measured"))
    };
    let compare = |what: &str, value: fn(&Sample) -> f64, (name, other): (&str, &str), goal| {
        let pairs = samples(name)?.iter().zip(samples(other)?);
        let ratios: Vec<f64> = pairs.map(|(one, other)| value(one) / value(other)).collect();
        let interval = interval_of(&ratios)?;
        anyhow::Ok(Comparison { name: format!("{what}: {name} / {other}"), interval, goal })
    };
    let mut comparisons = Vec::new();
    for name in names.iter().filter(|name| **name != BARE) {
        comparisons.push(compare("rate", Sample::rate, (name, BARE), Goal::None)?);
    }
    let goals = [
        (WITH_REDIS, TOWER_REDIS, Goal::AtLeast(1.5)),
        (FROM_REDIS, TOWER_REDIS, Goal::AtLeast(1.1)),
        (WITH_REDIS, EXPRESS, Goal::AtLeast(10.0)),
        (FROM_REDIS, EXPRESS, Goal::AtLeast(10.0)),
        (SQLITE_FILE, TOWER_SQLITE, Goal::AtLeast(3.0)),
    ];
    for (name, other, goal) in goals {
        comparisons.push(compare("rate", Sample::rate, (name, other), goal)?);
    }
    for node in ["one of two nodes", "the other node"] {
        comparisons.push(compare("CPU", Sample::cpu, (node, WITH_REDIS), Goal::AtMost(1.1))?);
    }
    comparisons.push(Comparison {
        name: format!("Redis memory: ours / {EXPRESS}"),
        interval: interval_of(&[memory.ours / memory.express])?,
        goal: Goal::AtMost(0.6),
    });
    Ok(comparisons)
}

fn to_json(
    options: &Options,
    names: &[&str],
    iterations: &[Iteration],
    (comparisons, memory): (&[Comparison], &RedisMemory),
) -> Value {
    let to_json = |sample: &&Sample| json!({ "per_second": sample.rate(), "cpu_us": sample.cpu(), "p99_us": sample.p99() });
    let rows = rows(names, iterations).into_iter().map(|(name, samples)| {
        json!({ "name": name, "iterations": samples.iter().map(to_json).collect::<Vec<_>>() })
    });
    let comparisons = comparisons.iter().map(|Comparison { name, interval, goal }| {
        json!({
            "name": name,
            "ratio": interval.median,
            "interval": [interval.low, interval.high],
            "goal": goal.text(),
            "is_met": goal.is_met(interval.median),
        })
    });
    json!({
        "seconds": options.seconds,
        "sessions": options.credentials,
        "rows": rows.collect::<Vec<_>>(),
        "comparisons": comparisons.collect::<Vec<_>>(),
        "redis_bytes_per_session": {
            "ours": memory.ours,
            "express_session": memory.express,
            "tower_sessions": memory.tower_sessions,
        },
    })
}
