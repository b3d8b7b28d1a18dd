//! The load generator of response times: requests are due at a constant rate, however late the responses are.
//!
//! A response time is measured from the moment at which its request was due. A generator that waits for a late response
//! before it sends the next request, and measures from that moment, leaves out the waits that its users would have had
//! (coordinated omission).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags};

use crate::client::connection::Connection;
use crate::client::requests::RequestSource;
use crate::error::LoadError;

/// Sends `rate` requests a second for `length`, and returns the time of each from the moment at which it was due.
///
/// # Errors
///
/// If a connection breaks or a response is wrong.
pub fn send_at_rate(
    address: SocketAddr,
    connections: usize,
    rate: f64,
    length: Duration,
    requests: &mut impl RequestSource,
) -> Result<Vec<Duration>, LoadError> {
    let poll = epoll::create(CreateFlags::CLOEXEC)
        .map_err(|error| LoadError::io("wait for responses")(error.into()))?;
    let connect = |index| Connection::open(address, &poll, index);
    let mut open: Vec<Connection> = (0..connections).map(connect).collect::<Result<_, _>>()?;
    let mut idle: VecDeque<usize> = (0..connections).collect();
    let total = (rate * length.as_secs_f64()) as usize;
    let mut times = Vec::with_capacity(total);
    let mut ready = Vec::with_capacity(connections);
    let (started, mut sent) = (Instant::now(), 0);
    while times.len() < total {
        let due = |number: usize| started + Duration::from_secs_f64(number as f64 / rate);
        while sent < total && due(sent) <= Instant::now() {
            let Some(index) = idle.pop_front() else { break };
            open[index].send(index, due(sent), requests)?;
            sent += 1;
        }
        // No wait: the timers of the system are too coarse. Without a core of its own, this thread lets others run.
        let waited = epoll::wait(&poll, spare_capacity(&mut ready), Some(&Timespec::default()));
        if waited.map_err(|error| LoadError::io("wait for responses")(error.into()))? == 0 {
            thread::yield_now();
        }
        for event in ready.drain(..) {
            let index = event.data.u64() as usize;
            if open[index].receive(index, requests)? {
                times.push(open[index].since.elapsed());
                idle.push_back(index);
            }
        }
    }
    Ok(times)
}
