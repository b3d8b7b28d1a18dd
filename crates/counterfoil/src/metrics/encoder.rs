//! The text of the page, line by line: OpenMetrics, written by `prometheus-client`.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use counterfoil_core::histogram::{Histogram, HistogramSnapshot};

/// The labels of one line: names and words of ours.
pub(crate) type Labels<'a> = &'a [(&'a str, &'a str)];

/// A page that is being written.
pub(crate) struct Sheet<'a>(pub(crate) DescriptorEncoder<'a>);

impl Sheet<'_> {
    /// A number that only grows.
    pub(crate) fn counter(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        let mut metric = self.begin(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&count, None)
    }

    /// Numbers that only grow, one for each set of labels.
    pub(crate) fn counters(
        &mut self,
        name: &str,
        help: &str,
        tell: impl FnOnce(&mut dyn FnMut(Labels<'_>, u64) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.begin(name, help, None, MetricType::Counter)?;
        tell(&mut |labels, count| {
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)
        })
    }

    /// Seconds that only grow.
    pub(crate) fn counter_of_seconds(&mut self, name: &str, help: &str, seconds: f64) -> fmt::Result {
        let mut metric = self.begin(name, help, Some(&Unit::Seconds), MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&seconds, None)
    }

    /// A number that rises and falls.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.begin(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// Numbers that rise and fall, one for each set of labels.
    pub(crate) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        tell: impl FnOnce(&mut dyn FnMut(Labels<'_>, u64) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.begin(name, help, None, MetricType::Gauge)?;
        tell(&mut |labels, value| metric.encode_family(&labels)?.encode_gauge(&value))
    }

    /// How long things took. The unit is added to the name.
    pub(crate) fn durations(&mut self, name: &str, help: &str, durations: &Histogram) -> fmt::Result {
        let metric = self.begin(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        histogram(metric, durations.counted())
    }

    /// The same, one for each set of labels.
    pub(crate) fn durations_of(
        &mut self,
        name: &str,
        help: &str,
        tell: impl FnOnce(&mut dyn FnMut(Labels<'_>, HistogramSnapshot) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.begin(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        tell(&mut |labels, counted| histogram(metric.encode_family(&labels)?, counted))
    }

    fn begin<'s>(
        &'s mut self,
        name: &'s str,
        help: &'s str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, unit, kind)
    }
}

fn histogram(mut row: MetricEncoder<'_>, counted: HistogramSnapshot) -> fmt::Result {
    let bounds = Histogram::BOUNDS.into_iter().map(|micros| micros as f64 / 1e6);
    let buckets: Vec<_> = bounds.chain([f64::MAX]).zip(counted.buckets).collect();
    row.encode_histogram::<NoLabelSet>(counted.sum.as_secs_f64(), counted.count(), &buckets, None)
}
