//! Session checks through each store and cache, beside other servers, in one interleaved run.
//!
//! Every server answers the same request: a cookie with one of many sessions, in turn. All servers are alive during the whole
//! run; each iteration measures each of them once.

mod contender;
mod databases;
pub(crate) mod options;
mod report;
mod results;

use std::time::Duration;

use anyhow::Result;
use counterfoil_load::client::closed_loop::CONNECTIONS;
use counterfoil_load::machine::affinity;

use crate::iterations::measure;
use crate::report::Sample;
use contender::Contender;
use databases::Installation;
use options::Options;
use results::{Iteration, RedisMemory};

/// Runs the measurements, and prints the report.
pub(crate) fn run(options: &Options) -> Result<()> {
    affinity::pin_to(affinity::CLIENT_CORE)?;
    let installation = Installation::start(options.credentials)?;
    let mut contenders = contender::start_all(&installation)?;
    contenders.extend(contender::start_others(&installation, options)?);
    let mut nodes = contender::start_two_nodes(&installation)?;
    let mut memory = RedisMemory {
        ours: f64::NAN,
        express: installation.express_sessions.bytes_per_key(),
        tower_sessions: installation.tower_sessions.bytes_per_key(),
    };
    let limit = Duration::from_secs_f64(options.seconds);
    let mut iterations = Vec::new();
    for number in 1..=options.iterations {
        eprintln!("iteration {number} of {}", options.iterations);
        let mut samples = Vec::new();
        for contender in &mut contenders {
            contender.prepare()?;
            // A copy stays for at most a minute.
            if contender.name == contender::FROM_REDIS {
                memory.ours = installation.cold_cache.bytes_per_key();
            }
            samples.push(measure(&contender.process, CONNECTIONS, limit, &mut contender.requests)?);
        }
        iterations.push(Iteration { samples, nodes: measure_at_once(&mut nodes, limit)? });
    }
    let names: Vec<_> = contenders.iter().map(|contender| contender.name).collect();
    report::print(options, &names, &iterations, &memory)
}

/// Sends requests to both nodes at the same time, each by half of the usual connections.
fn measure_at_once(nodes: &mut [Contender; 2], limit: Duration) -> Result<[Sample; 2]> {
    for node in nodes.iter_mut() {
        node.prepare()?;
    }
    let [one, other] = nodes;
    let measure_node =
        |node: &mut Contender| measure(&node.process, CONNECTIONS / 2, limit, &mut node.requests);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| measure_node(one));
        let second = measure_node(other)?;
        let first = first.join().unwrap_or_else(|_| anyhow::bail!("a client has panicked"))?;
        Ok([first, second])
    })
}
