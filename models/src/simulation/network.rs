//! The network: it loses, delays, reorders and repeats messages, and is cut in one direction or both.

use std::time::Duration;

use counterfoil_verify::PollRequest;

use crate::simulation::random::Random;

/// A message on its way.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// The process at one end.
    pub(super) process: usize,
    pub(super) content: Content,
    arrives_at: Duration,
}

/// What a message has.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// To the issuer.
    Poll(PollRequest),
    /// To the process: the body of a response.
    Response(Vec<u8>),
    /// To the process: no connection can be made for this poll.
    Unreachable(u64),
}

/// The messages on their way, and how bad the network is.
#[derive(Debug)]
pub(super) struct Network {
    messages: Vec<Message>,
    /// Until when messages to the issuer, and from it, are lost: one of each for each process.
    cut_to_issuer: Vec<Duration>,
    cut_from_issuer: Vec<Duration>,
    /// In per mille.
    loss: u64,
    repetition: u64,
    max_delay_ms: u64,
}

impl Network {
    pub(super) fn new(processes: usize, random: &mut Random) -> Self {
        Self {
            messages: Vec::new(),
            cut_to_issuer: vec![Duration::ZERO; processes],
            cut_from_issuer: vec![Duration::ZERO; processes],
            loss: [0, 20, 100, 300][random.index(4)],
            repetition: [0, 50, 200][random.index(3)],
            max_delay_ms: [2, 50, 400, 1_500][random.index(4)],
        }
    }

    /// From now on everything arrives soon.
    pub(super) fn heal(&mut self) {
        self.cut_to_issuer.fill(Duration::ZERO);
        self.cut_from_issuer.fill(Duration::ZERO);
        (self.loss, self.max_delay_ms) = (0, 20);
    }

    /// Cuts the connection of a process in one direction or both, for some time.
    pub(super) fn cut(&mut self, process: usize, now: Duration, random: &mut Random) {
        let until = now + Duration::from_millis(random.between(100, 4_000));
        let direction = random.below(3);
        if direction != 1 {
            self.cut_to_issuer[process] = until;
        }
        if direction != 2 {
            self.cut_from_issuer[process] = until;
        }
    }

    /// Sends a message, which may be lost or arrive twice.
    pub(super) fn send(&mut self, process: usize, content: Content, now: Duration, random: &mut Random) {
        let cut = match content {
            Content::Poll(_) => self.cut_to_issuer[process],
            Content::Response(_) | Content::Unreachable(_) => self.cut_from_issuer[process],
        };
        if now < cut || random.chance(self.loss) {
            return;
        }
        let copies = if random.chance(self.repetition) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = Duration::from_millis(random.between(0, self.max_delay_ms));
            self.messages.push(Message { process, content: content.clone(), arrives_at: now + delay });
        }
    }

    /// The messages that have arrived, in a random order.
    pub(super) fn arrived(&mut self, now: Duration, random: &mut Random) -> Vec<Message> {
        let mut arrived: Vec<Message> =
            self.messages.extract_if(.., |message| message.arrives_at <= now).collect();
        for last in (1..arrived.len()).rev() {
            arrived.swap(last, random.index(last + 1));
        }
        arrived
    }

    /// When the next message arrives.
    pub(super) fn next_arrival(&self) -> Option<Duration> {
        self.messages.iter().map(|message| message.arrives_at).min()
    }
}
