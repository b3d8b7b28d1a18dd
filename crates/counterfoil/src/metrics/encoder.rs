//! Writes metric families as OpenMetrics text with `prometheus-client`.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use counterfoil_core::histogram::{Histogram, HistogramSnapshot};

/// Label names and values of one sample. Both are constants of the server, never input of a client.
pub(crate) type Labels<'a> = &'a [(&'a str, &'a str)];

/// Encodes metric families. Each method writes one family.
pub(crate) struct Encoder<'a>(pub(crate) DescriptorEncoder<'a>);

impl Encoder<'_> {
    /// A counter without labels.
    pub(crate) fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&value, None)
    }

    /// A counter with one sample for each set of labels that `encode` writes.
    pub(crate) fn counters(
        &mut self,
        name: &str,
        help: &str,
        encode: impl FnOnce(&mut dyn FnMut(Labels<'_>, u64) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.descriptor(name, help, None, MetricType::Counter)?;
        encode(&mut |labels, value| {
            metric.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
        })
    }

    /// A counter of seconds. The unit is added to the name.
    pub(crate) fn seconds_counter(&mut self, name: &str, help: &str, seconds: f64) -> fmt::Result {
        let mut metric = self.descriptor(name, help, Some(&Unit::Seconds), MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, u64>(&seconds, None)
    }

    /// A gauge without labels.
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl EncodeGaugeValue) -> fmt::Result {
        self.descriptor(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// A gauge with one sample for each set of labels that `encode` writes.
    pub(crate) fn gauges(
        &mut self,
        name: &str,
        help: &str,
        encode: impl FnOnce(&mut dyn FnMut(Labels<'_>, u64) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.descriptor(name, help, None, MetricType::Gauge)?;
        encode(&mut |labels, value| metric.encode_family(&labels)?.encode_gauge(&value))
    }

    /// A histogram of durations. The unit is added to the name.
    pub(crate) fn histogram(&mut self, name: &str, help: &str, histogram: &Histogram) -> fmt::Result {
        let metric = self.descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        encode_histogram(metric, histogram.snapshot())
    }

    /// A histogram of durations for each set of labels that `encode` writes.
    pub(crate) fn histograms(
        &mut self,
        name: &str,
        help: &str,
        encode: impl FnOnce(&mut dyn FnMut(Labels<'_>, HistogramSnapshot) -> fmt::Result) -> fmt::Result,
    ) -> fmt::Result {
        let mut metric = self.descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
        encode(&mut |labels, snapshot| encode_histogram(metric.encode_family(&labels)?, snapshot))
    }

    fn descriptor<'s>(
        &'s mut self,
        name: &'s str,
        help: &'s str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, unit, kind)
    }
}

fn encode_histogram(mut metric: MetricEncoder<'_>, snapshot: HistogramSnapshot) -> fmt::Result {
    let bounds = Histogram::BOUNDS.into_iter().map(|micros| micros as f64 / 1e6);
    let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(snapshot.buckets).collect();
    metric.encode_histogram::<NoLabelSet>(snapshot.sum.as_secs_f64(), snapshot.count(), &buckets, None)
}
