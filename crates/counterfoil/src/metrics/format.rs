//! The two text formats of metrics, and which one a scraper gets.

use http::HeaderMap;
use http::header::ACCEPT;

/// A text format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// OpenMetrics 1.0.0, which Prometheus requests since version 2.5.
    OpenMetrics,
    /// The Prometheus text format 0.0.4, for other scrapers.
    PrometheusText,
}

impl Format {
    /// The format that the scraper prefers by its `Accept` headers (RFC 9110, section 12.5.1): OpenMetrics, unless
    /// `text/plain` has the higher weight.
    pub(crate) fn for_accept(headers: &HeaderMap) -> Self {
        let values = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let ranges: Vec<(String, f32)> = values.flat_map(|value| value.split(',')).map(media_range).collect();
        let weight = |patterns: [&str; 3]| {
            let found = patterns.iter().find_map(|pattern| heaviest(&ranges, pattern));
            found.unwrap_or_default()
        };
        let open_metrics = weight(["application/openmetrics-text", "application/*", "*/*"]);
        if weight(["text/plain", "text/*", "*/*"]) > open_metrics {
            Self::PrometheusText
        } else {
            Self::OpenMetrics
        }
    }

    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::PrometheusText => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Writes OpenMetrics text in this format.
    pub(crate) fn write(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::PrometheusText => to_prometheus_text(&open_metrics),
        }
    }
}

/// A media range of `Accept`, in lower case and without parameters, and its weight.
fn media_range(range: &str) -> (String, f32) {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|parameter| parameter.to_ascii_lowercase().strip_prefix("q=")?.parse().ok());
    (name, weight.unwrap_or(1.0))
}

/// The highest weight of a range: one format may be listed in several versions.
fn heaviest(ranges: &[(String, f32)], pattern: &str) -> Option<f32> {
    let weights = ranges.iter().filter(|(range, _)| range == pattern).map(|(_, weight)| *weight);
    weights.reduce(f32::max)
}

/// Translates what the two formats write differently: in the older one a counter is declared with the name of its
/// samples, and there are neither units nor a mark at the end.
fn to_prometheus_text(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut help = "";
    for line in open_metrics.lines() {
        if let Some(described) = line.strip_prefix("# HELP ") {
            help = described.split_once(' ').unwrap_or_default().1;
        } else if let Some((name, kind)) =
            line.strip_prefix("# TYPE ").and_then(|typed| typed.split_once(' '))
        {
            let suffix = if kind == "counter" { "_total" } else { "" };
            text.push_str(&format!("# HELP {name}{suffix} {help}\n# TYPE {name}{suffix} {kind}\n"));
        } else if !line.starts_with("# ") {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn format_for(accept: &[&'static str]) -> Format {
        let values = accept.iter().map(|value| (ACCEPT, HeaderValue::from_static(value)));
        Format::for_accept(&values.collect())
    }

    #[test]
    fn open_metrics_is_the_default() {
        for accept in [
            &[][..],
            &["*/*"],
            &["text/html,application/xhtml+xml,*/*;q=0.8"],
            // Prometheus 2.42.
            &[
                "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
               text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            ],
            &["application/openmetrics-text; q=0.9", "text/plain; q=0.8"],
        ] {
            assert_eq!(format_for(accept), Format::OpenMetrics, "{accept:?}");
        }
    }

    #[test]
    fn a_scraper_that_prefers_text_gets_prometheus_text() {
        for accept in [
            &["text/plain"][..],
            &["Text/Plain; Version=0.0.4"],
            &["application/vnd.google.protobuf;q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"],
            // Prometheus 3 with `scrape_protocols: [PrometheusText0.0.4, OpenMetricsText1.0.0]`.
            &["text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.2"],
            &["text/plain;q=0.1", "application/openmetrics-text;q=0"],
        ] {
            assert_eq!(format_for(accept), Format::PrometheusText, "{accept:?}");
        }
    }

    #[test]
    fn prometheus_text_declares_counters_by_the_name_of_their_samples() {
        let open_metrics = "# HELP logins Login attempts.\n# TYPE logins counter\nlogins_total{result=\"a\"} 1\n\
                            # HELP read_seconds Reads.\n# TYPE read_seconds histogram\n# UNIT read_seconds seconds\n\
                            read_seconds_bucket{le=\"+Inf\"} 2\n# EOF\n";

        assert_eq!(
            Format::PrometheusText.write(open_metrics.into()),
            "# HELP logins_total Login attempts.\n# TYPE logins_total counter\nlogins_total{result=\"a\"} 1\n\
             # HELP read_seconds Reads.\n# TYPE read_seconds histogram\nread_seconds_bucket{le=\"+Inf\"} 2\n"
        );
    }
}
