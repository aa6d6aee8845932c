//! Metrics as CloudWatch names, counts and gives them out.

mod kept;
mod metric;
mod sketch;
mod store;
mod watch;

pub use kept::{Changes, KeptRow, KeptSeries, ReadError};
pub use metric::{Datapoint, Metric, Statistic, UnknownStatistic};
pub use sketch::{LatencySketch, SKETCH_RELATIVE_ERROR};
pub use store::{
    DEFAULT_PUBLISH_LAG, FleetHardware, HOURS_KEPT, MAX_DATAPOINTS, MAX_SERIES, MINUTES_KEPT, MetricStore,
    QueryError, SeriesQuery, WEEK_KEPT,
};
pub use watch::{WATCHED_MINUTES, Watch};
