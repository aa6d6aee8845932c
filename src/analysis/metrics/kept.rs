//! Metrics that outlast the program: which rows have changed, each as bytes, and the way back.
//!
//! The store itself writes nothing. Whoever does asks it now and then for [`MetricStore::changes`], puts each row in the
//! place of the one with the same endpoint, variant, tier and minute, and at the next start hands them, variant by
//! variant, to [`MetricStore::restore`]: all of those that are counted for, before it asks for changes again. So what is
//! kept is bounded as the store is: minutes for a day, fives for a week, hours for 455 days, of at most
//! [`MAX_SERIES`](super::MAX_SERIES) variants.

use super::{
    MetricStore,
    sketch::{MAX_COUNT, Packed, number, put},
    store::{Live, Row, Series, TIERS},
    watch::FleetLog,
};
use crate::domain::{EndpointName, FleetId, VariantName};

/// First byte of a row: the version of its form.
const FORM: u8 = 1;
/// Numbers of instances that one row may tell apart.
const INSTANCES: u64 = 4_096;

/// A row of a variant's history, and where it belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRow {
    /// Endpoint.
    pub endpoint: EndpointName,
    /// Variant.
    pub variant: VariantName,
    /// 0 for minutes, 1 for five minutes, 2 for hours.
    pub tier: u8,
    /// Its first minute, counted as [`VirtualTime::minute`](crate::domain::VirtualTime::minute) does.
    pub minute: u64,
    /// The row; none when it is gone.
    pub row: Option<Vec<u8>>,
}

/// What has changed: first some series went, then rows came, changed or went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Variants of which nothing is kept any more.
    pub forgotten: Vec<(EndpointName, VariantName)>,
    /// Rows, each once.
    pub rows: Vec<KeptRow>,
    /// Full minutes of fleets alone, which alarms read: fleet, minute, row. They are of no use after
    /// [`WATCHED_MINUTES`](super::WATCHED_MINUTES).
    pub fleets: Vec<(FleetId, u64, Vec<u8>)>,
}

/// Why a row cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Another program's, or a later release's.
    #[error("a row of form {found} instead of {FORM}")]
    Form {
        /// Its first byte.
        found: u8,
    },
    /// There is no such tier, or no row of it begins at that minute.
    #[error("no row of tier {tier} begins at minute {minute}; tiers are 0 to 2, of 1, 5 and 60 minutes")]
    Place {
        /// The tier.
        tier: u8,
        /// The minute.
        minute: u64,
    },
    /// Its numbers contradict each other, or it ends too soon.
    #[error("a row that is cut short or does not add up")]
    Content,
}

impl Row {
    fn write(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
        put(&mut bytes, self.invocations.len() as u64);
        for &(instances, n) in &self.invocations {
            put(&mut bytes, instances.into());
            put(&mut bytes, n);
        }
        for n in [self.errors_4xx, self.errors_5xx, self.model_errors] {
            put(&mut bytes, n);
        }
        for packed in [&self.model, &self.overhead, &self.cpu, &self.memory, &self.disk, &self.gpu] {
            packed.write(&mut bytes);
        }
        bytes
    }

    fn read(minute: u64, bytes: &[u8]) -> Result<Self, ReadError> {
        match bytes.split_first() {
            Some((&FORM, mut rest)) => {
                let row = Self::read_numbers(minute, &mut rest).filter(|_| rest.is_empty());
                row.ok_or(ReadError::Content)
            }
            Some((&found, _)) => Err(ReadError::Form { found }),
            None => Err(ReadError::Content),
        }
    }

    fn read_numbers(minute: u64, bytes: &mut &[u8]) -> Option<Self> {
        let mut row = Self { minute, ..Self::default() };
        for _ in 0..number(bytes, INSTANCES)? {
            let instances = u32::try_from(number(bytes, u32::MAX.into())?).ok()?;
            row.invocations.push((instances, number(bytes, MAX_COUNT / INSTANCES)?));
        }
        let requests = row.requests();
        for n in [&mut row.errors_4xx, &mut row.errors_5xx, &mut row.model_errors] {
            *n = number(bytes, requests)?;
        }
        for packed in
            [&mut row.model, &mut row.overhead, &mut row.cpu, &mut row.memory, &mut row.disk, &mut row.gpu]
        {
            *packed = Packed::read(bytes)?;
        }
        Some(row)
    }
}

/// The rows of one variant that were kept, read from their bytes: apart from a store, so that nobody who counts waits for
/// the reading.
#[derive(Clone, Debug)]
pub struct KeptSeries {
    series: Series,
    rows: usize,
}

impl KeptSeries {
    /// No rows of a variant yet.
    pub fn new(endpoint: &EndpointName, variant: &VariantName) -> Self {
        Self { series: Series::new(endpoint, variant, false), rows: 0 }
    }

    /// Reads a row.
    ///
    /// # Errors
    /// [`ReadError`] for what [`MetricStore::changes`] cannot have given; it is left out then.
    pub fn read(&mut self, (tier, minute): (u8, u64), bytes: &[u8]) -> Result<(), ReadError> {
        let place = ReadError::Place { tier, minute };
        let (length, _) = TIERS.get(usize::from(tier)).ok_or(place)?;
        // Within 584 years, so that no sum of minutes overflows.
        if minute % length != 0 || minute > u64::from(u32::MAX) {
            return Err(place);
        }
        self.series.add(usize::from(tier), Row::read(minute, bytes)?);
        self.rows += 1;
        Ok(())
    }

    /// Rows that were read.
    pub fn rows(&self) -> usize {
        self.rows
    }
}

impl MetricStore {
    /// Notes from now on what changes, for [`MetricStore::changes`]. Whoever begins this must go on asking, or the notes
    /// grow with the rows.
    pub fn note_changes(&mut self) {
        self.forgotten = Some(Vec::new());
        for series in &mut self.series {
            series.changed.get_or_insert_default();
        }
    }

    /// What has changed since this was asked last; nothing unless [`MetricStore::note_changes`] was.
    ///
    /// The minute that runs is among it, with the requests that it has counted so far: read back, it is the same minute
    /// less what came after, and less the samples of utilisation, which are taken at its end. To be called after
    /// [`MetricStore::advance`].
    pub fn changes(&mut self) -> Changes {
        let Some(forgotten) = &mut self.forgotten else { return Changes::default() };
        let forgotten = std::mem::take(forgotten);
        for live in &mut self.live {
            if live.has_news()
                && let Some(changed) = &mut self.series[live.series].changed
            {
                changed.insert((0, live.minute));
            }
        }
        let mut rows = Vec::new();
        for (place, series) in self.series.iter_mut().enumerate() {
            for (tier, minute) in series.changed.replace(Default::default()).unwrap_or_default() {
                let kept = &series.tiers[usize::from(tier)];
                let closed = kept.get(kept.partition_point(|r| r.minute < minute));
                let mut row = closed.filter(|r| r.minute == minute).cloned();
                // Fleets of one variant, e.g. the old and the new one during an update, count into the same minute.
                let running =
                    self.live.iter().filter(|l| tier == 0 && l.series == place && l.minute == minute);
                for more in running.filter_map(Live::so_far) {
                    match &mut row {
                        Some(row) => row.merge(&more),
                        None => row = Some(more),
                    }
                }
                rows.push(KeptRow {
                    endpoint: series.endpoint.clone(),
                    variant: series.variant.clone(),
                    tier,
                    minute,
                    row: row.map(|r| r.write()),
                });
            }
        }
        let of_fleet = |log: &mut FleetLog| {
            let fleet = log.fleet;
            log.take_fresh().map(|row| (fleet, row.minute, row.write())).collect::<Vec<_>>()
        };
        Changes { forgotten, rows, fleets: self.logs.iter_mut().flat_map(of_fleet).collect() }
    }

    /// Puts the rows of a variant back that were kept, each once. Counting may have begun: what has been counted since is
    /// added to them. Of more than [`MAX_SERIES`](super::MAX_SERIES) variants those that ended first are forgotten,
    /// which may be these.
    pub fn restore(&mut self, kept: KeptSeries) {
        let KeptSeries { series: kept, .. } = kept;
        if !self.has_room_for(&kept) {
            if let Some(forgotten) = &mut self.forgotten {
                forgotten.push((kept.endpoint, kept.variant));
            }
            return;
        }
        let place = self.series_of(&kept.endpoint, &kept.variant);
        self.series[place].put(kept.tiers);
    }

    /// Puts a minute of a fleet back; in order of minutes. Alarms read it once the fleet is watched again.
    ///
    /// # Errors
    /// [`ReadError`] for what [`MetricStore::changes`] cannot have given.
    pub fn restore_fleet(&mut self, fleet: FleetId, minute: u64, bytes: &[u8]) -> Result<(), ReadError> {
        if minute > u64::from(u32::MAX) {
            return Err(ReadError::Place { tier: 0, minute });
        }
        let row = Row::read(minute, bytes)?;
        self.watched_before.entry(fleet).or_default().push_back(row);
        Ok(())
    }
}
