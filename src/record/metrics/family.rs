//! One metric family and its series.
//!
//! The crate's own `MetricVec` finds a series by a hash of its label values written one after another, so
//! route `a` of caller `bc` and route `ab` of caller `c` would share one. Here the key is the values
//! themselves, and their number is part of the type.
//!
//! A family doesn't keep its series alive: one that nobody holds any more is no longer shown.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use prometheus::core::{Collector, Desc, Metric};
use prometheus::proto::{MetricFamily, MetricType};
use prometheus::{Counter, Gauge, Histogram, HistogramOpts, IntCounter, IntGauge, Opts};

/// A kind of metric that a family can be of.
pub trait Kind: Metric + Clone + Sized + 'static {
    const TYPE: MetricType;
    /// The word in the text format's TYPE line.
    const TYPE_NAME: &'static str;

    /// # Errors
    /// A name or the buckets are not what Prometheus allows.
    fn try_new(opts: Opts, buckets: &[f64]) -> prometheus::Result<Self>;
}

/// What one kind of metric is called and how it is made.
macro_rules! kind {
    ($kind:ty, $type:ident, $name:literal) => {
        impl Kind for $kind {
            const TYPE: MetricType = MetricType::$type;
            const TYPE_NAME: &'static str = $name;

            fn try_new(opts: Opts, _buckets: &[f64]) -> prometheus::Result<Self> {
                <$kind>::with_opts(opts)
            }
        }
    };
}

kind!(IntCounter, COUNTER, "counter");
kind!(Counter, COUNTER, "counter");
kind!(IntGauge, GAUGE, "gauge");
kind!(Gauge, GAUGE, "gauge");

impl Kind for Histogram {
    const TYPE: MetricType = MetricType::HISTOGRAM;
    const TYPE_NAME: &'static str = "histogram";

    fn try_new(opts: Opts, buckets: &[f64]) -> prometheus::Result<Self> {
        Histogram::with_opts(HistogramOpts::from(opts).buckets(buckets.to_vec()))
    }
}

type Values<const LABELS: usize> = [Box<str>; LABELS];

/// A family whose series have `LABELS` labels.
#[derive(Clone)]
pub struct Family<K: Kind, const LABELS: usize> {
    shared: Arc<Shared<K, LABELS>>,
}

struct Shared<K: Kind, const LABELS: usize> {
    name: &'static str,
    help: &'static str,
    labels: [&'static str; LABELS],
    buckets: &'static [f64],
    description: Desc,
    /// Belongs to no series. That a series can be made was tried with it, so it only stands in for one in
    /// code that can't be reached.
    spare: Arc<K>,
    series: Mutex<BTreeMap<Values<LABELS>, Weak<K>>>,
}

impl<K: Kind, const LABELS: usize> Family<K, LABELS> {
    /// # Errors
    /// A name or the buckets are not what Prometheus allows.
    pub fn declare(
        name: &'static str,
        help: &'static str,
        labels: [&'static str; LABELS],
        buckets: &'static [f64],
    ) -> prometheus::Result<Self> {
        let spare = K::try_new(options(name, help, labels, [""; LABELS]), buckets)?;
        let label_names = labels.iter().map(|&label| label.to_owned()).collect();
        let description = Desc::new(
            name.to_owned(),
            help.to_owned(),
            label_names,
            HashMap::new(),
        )?;
        let shared = Shared {
            name,
            help,
            labels,
            buckets,
            description,
            spare: Arc::new(spare),
            series: Mutex::default(),
        };
        Ok(Family {
            shared: Arc::new(shared),
        })
    }

    /// The series of these label values, made at 0 when there is none. Takes a lock: not for a request's
    /// path, but for what is kept in a handle.
    pub fn series(&self, values: [&str; LABELS]) -> Arc<K> {
        let mut series = self.shared.lock();
        let place = series.entry(values.map(Box::from)).or_default();
        if let Some(alive) = place.upgrade() {
            return alive;
        }
        let made = self.shared.make(values);
        *place = Arc::downgrade(&made);
        made
    }

    /// The HELP and TYPE lines of a family that has no series yet, which the encoder leaves out.
    pub fn write_header(&self, out: &mut Vec<u8>) {
        let Shared { name, help, .. } = *self.shared;
        let kind = K::TYPE_NAME;
        out.extend_from_slice(format!("# HELP {name} {help}\n# TYPE {name} {kind}\n").as_bytes());
    }

    pub fn name(&self) -> &'static str {
        self.shared.name
    }
}

impl<K: Kind, const LABELS: usize> Shared<K, LABELS> {
    fn make(&self, values: [&str; LABELS]) -> Arc<K> {
        let options = options(self.name, self.help, self.labels, values);
        match K::try_new(options, self.buckets) {
            Ok(series) => Arc::new(series),
            Err(_) => Arc::clone(&self.spare),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Values<LABELS>, Weak<K>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Kind, const LABELS: usize> Collector for Family<K, LABELS> {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.shared.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut series = self.shared.lock();
        series.retain(|_, series| series.strong_count() > 0);
        let alive: Vec<Arc<K>> = series.values().filter_map(Weak::upgrade).collect();
        drop(series);
        let mut family = MetricFamily::default();
        family.set_name(self.shared.name.to_owned());
        family.set_help(self.shared.help.to_owned());
        family.set_field_type(K::TYPE);
        family.set_metric(alive.iter().map(|series| series.metric()).collect());
        vec![family]
    }
}

fn options<const LABELS: usize>(
    name: &str,
    help: &str,
    labels: [&str; LABELS],
    values: [&str; LABELS],
) -> Opts {
    labels
        .iter()
        .zip(values)
        .fold(Opts::new(name, help), |options, (&label, value)| {
            options.const_label(label, value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family() -> Family<IntCounter, 2> {
        Family::declare("test_total", "Help.", ["a", "b"], &[]).unwrap()
    }

    fn shown(family: &Family<IntCounter, 2>) -> usize {
        family.collect()[0].get_metric().len()
    }

    #[test]
    fn values_that_read_the_same_one_after_another_are_two_series() {
        let family = family();
        let (one, other) = (family.series(["a", "bc"]), family.series(["ab", "c"]));
        one.inc();
        assert_eq!((one.get(), other.get()), (1, 0));
        assert_eq!(shown(&family), 2);
    }

    #[test]
    fn the_same_values_are_the_same_series() {
        let family = family();
        let one = family.series(["a", "b"]);
        family.series(["a", "b"]).inc_by(2);
        assert_eq!(one.get(), 2);
    }

    #[test]
    fn a_series_goes_with_its_last_holder() {
        let family = family();
        let one = family.series(["a", "b"]);
        one.inc();
        assert_eq!(shown(&family), 1);
        drop(one);
        assert_eq!(shown(&family), 0);
        assert_eq!(family.series(["a", "b"]).get(), 0);
    }

    #[test]
    fn a_name_that_prometheus_does_not_allow_is_refused() {
        assert!(Family::<IntCounter, 0>::declare("no spaces", "Help.", [], &[]).is_err());
        assert!(Family::<IntCounter, 1>::declare("name", "Help.", ["a-b"], &[]).is_err());
        assert!(Family::<Histogram, 0>::declare("name", "Help.", [], &[2.0, 1.0]).is_err());
    }
}
