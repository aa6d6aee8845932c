//! Production and shadow, request by request: copies, agreement, who was right, and the difference of latency.

use leptos::prelude::*;

use crate::{
    analysis::{
        Interval, StatisticsError, Summary,
        paired::{Confusion, Disagreement, PairedOutcomes, paired_t},
        pairs::CopyCounts,
        sequential::ConfidenceSequence,
    },
    lab::{LatencyDifferenceView, PairView},
    ui::{store::Store, wording},
};

/// One minus the level of the intervals that are shown.
const ALPHA: f64 = 0.05;
/// Pairs at which the confidence sequence is tightest: about what a shadow test takes.
const TIGHTEST_AT: f64 = 1_000.0;

/// The comparison of the newest endpoint's shadow, in words and two small pictures.
#[component]
pub fn Comparison() -> impl IntoView {
    let store = Store::expect();
    let pair = newest_pair(store);
    let missed = Memo::new(move |_| store.worker.with(|w| w.server.as_ref().map_or(0, |line| line.missed)));
    view! {
        {move || match pair.get() {
            None => {
                view! { <p class="quiet">"No copy has been made yet. A shadow variant and traffic make some."</p> }
                    .into_any()
            }
            Some(pair) => view! { <Pair pair /> }.into_any(),
        }}
        {move || {
            let sample = (missed.get() > 0)
                .then(|| {
                    format!(
                        "A sample: {} records of this server did not fit into its frames. Which requests are \
                         compared hangs on their numbers alone, so the shares stay right.",
                        wording::count(missed.get()),
                    )
                });
            sample.map(|words| view! { <p class="quiet">{words}</p> })
        }}
    }
}

/// The newest comparison there is; it changes only when its numbers do.
pub fn newest_pair(store: Store) -> Memo<Option<PairView>> {
    let pair =
        store.slice(|s| s.endpoints.iter().flat_map(|e| &e.pairs).max_by_key(|p| p.shadow_fleet).cloned());
    Memo::new(move |_| pair.get().flatten())
}

#[component]
fn Pair(pair: PairView) -> impl IntoView {
    let summary = facts(&pair);
    let words = confusion_words(&pair.confusion);
    view! {
        <dl class="facts facts--numbers">
            {summary.into_iter().map(|(term, value)| view! { <dt>{term}</dt><dd>{value}</dd> }).collect_view()}
        </dl>
        <p class="substep">"Production's stars (rows) by the shadow's (columns)"</p>
        <div class="confusion__grid" role="img" aria-label=words>
            {cells(&pair.confusion)
                .into_iter()
                .map(|(share, words, same)| {
                    view! {
                        <span
                            class="confusion__cell"
                            class:confusion__cell--right=same
                            style:--share=format!("{share:.3}")
                            title=words
                        ></span>
                    }
                })
                .collect_view()}
        </div>
        <p class="substep">"Model latency, shadow less production, of each pair"</p>
        <Differences latency=pair.latency />
    }
}

/// What is said of a comparison, term by term.
fn facts(pair: &PairView) -> Vec<(&'static str, String)> {
    let CopyCounts { sent, answered, failed, dropped } = pair.copies;
    let [[neither, shadow_only], [production_only, both]] = pair.right;
    let outcomes = PairedOutcomes {
        both_right: both,
        a_right_b_wrong: production_only,
        a_wrong_b_right: shadow_only,
        both_wrong: neither,
    };
    let mut facts = vec![
        ("Compared", format!("{} with {}", pair.production, pair.shadow)),
        (
            "Copies",
            format!(
                "{} sent: {} answered, {} failed, {} dropped",
                wording::count(sent),
                wording::count(answered),
                wording::count(failed),
                wording::count(dropped)
            ),
        ),
    ];
    let rows: Vec<Vec<u64>> = pair.confusion.iter().map(|row| row.to_vec()).collect();
    let confusion = Confusion::from_counts(&rows);
    // An error says itself that the data cannot tell.
    let cannot = StatisticsError::to_string;
    facts.push(match confusion.clone().and_then(|c| c.agreement()) {
        Ok(share) => {
            let n = pair.confusion.iter().flatten().sum();
            ("Same stars", format!("{} of {}", wording::percent(share), wording::plural(n, "pair")))
        }
        Err(e) => ("Same stars", cannot(&e)),
    });
    facts.push(match confusion.and_then(|c| c.kappa(Disagreement::Any)) {
        Ok(kappa) => ("Cohen's kappa", format!("{:.3} (1: always agree, 0: as chance would)", kappa.kappa)),
        Err(e) => ("Cohen's kappa", cannot(&e)),
    });
    facts.push((
        "Who was right",
        format!(
            "both {}, only production {}, only the shadow {}, neither {}",
            wording::count(both),
            wording::count(production_only),
            wording::count(shadow_only),
            wording::count(neither)
        ),
    ));
    facts.push(match outcomes.difference().and_then(|d| Ok((d, outcomes.interval(ALPHA)?))) {
        Ok((difference, interval)) => (
            "Shadow is right more often by",
            format!(
                "{} points (95% interval {} to {}, if this is the one moment at which you look)",
                points(difference),
                points(interval.low),
                points(interval.high)
            ),
        ),
        Err(e) => ("Shadow is right more often by", cannot(&e)),
    });
    facts.push(match at_any_look(&outcomes) {
        Ok(interval) => (
            "However often you look",
            format!("{} to {} points (95% confidence sequence)", points(interval.low), points(interval.high)),
        ),
        Err(e) => ("However often you look", cannot(&e)),
    });
    facts.push(match outcomes.mcnemar() {
        Ok(test) => ("McNemar's test", format!("{}, for one look", p_value(test.p))),
        Err(e) => ("McNemar's test", cannot(&e)),
    });
    let differences = Summary::from_moments(
        pair.latency.n,
        pair.latency.mean_us,
        pair.latency.sd_us.map_or(0.0, |sd| sd * sd),
    );
    facts.push(match differences.and_then(|d| paired_t(&d)).and_then(|t| Ok((t, t.interval(ALPHA)?))) {
        Ok((t, interval)) => (
            "Shadow takes longer by",
            format!(
                "{} on average ({} to {}; paired t, {}, for one look)",
                signed(t.difference),
                signed(interval.low),
                signed(interval.high),
                p_value(t.p)
            ),
        ),
        Err(e) => ("Shadow takes longer by", cannot(&e)),
    });
    facts
}

/// Accuracies that the pairs leave open, the shadow's less production's, right at every number of pairs at once.
fn at_any_look(outcomes: &PairedOutcomes) -> Result<Interval, StatisticsError> {
    let (n, mean) = (outcomes.n() as f64, outcomes.difference()?);
    // Of values of −1, 0 and 1, one for each pair.
    let variance = (outcomes.discordant() as f64 - n * mean * mean) / (n - 1.0).max(1.0);
    let values = Summary::from_moments(outcomes.n(), mean, variance.max(0.0))?;
    Ok(ConfidenceSequence::new(ALPHA, TIGHTEST_AT)?.look_at_mean(&values)?.interval)
}

fn p_value(p: f64) -> String {
    if p < 0.0001 { "p < 0.0001".to_owned() } else { format!("p = {p:.4}") }
}

/// A share in percentage points with its sign.
fn points(share: f64) -> String {
    format!("{:+.1}", share * 100.0).replace('-', "\u{2212}")
}

/// Each cell's share of its row, its words, and whether both said the same.
fn cells(confusion: &[[u64; 5]; 5]) -> Vec<(f64, String, bool)> {
    let mut cells = Vec::with_capacity(25);
    for (ours, row) in confusion.iter().enumerate() {
        let all = row.iter().sum::<u64>().max(1);
        for (theirs, n) in row.iter().enumerate() {
            let share = *n as f64 / all as f64;
            let words =
                format!("production {}, shadow {}: {n} ({})", ours + 1, theirs + 1, wording::percent(share));
            cells.push((share, words, ours == theirs));
        }
    }
    cells
}

fn confusion_words(confusion: &[[u64; 5]; 5]) -> String {
    let row = |(i, row): (usize, &[u64; 5])| {
        let all = row.iter().sum::<u64>();
        let same = if all == 0 { "none".to_owned() } else { wording::percent(row[i] as f64 / all as f64) };
        format!("{}\u{2605} {same}", i + 1)
    };
    let rows: Vec<_> = confusion.iter().enumerate().map(row).collect();
    format!("Where production gave so many stars, the shadow gave the same in: {}", rows.join(", "))
}

/// Percentiles of the differences as a box: the whiskers at 5 and 95, the box from 25 to 75, a line at 50.
#[component]
fn Differences(latency: LatencyDifferenceView) -> impl IntoView {
    if latency.n == 0 {
        return view! { <p class="quiet">"No pair was answered by both yet."</p> }.into_any();
    }
    let [_, p5, p25, p50, p75, p95, p99] = latency.percentiles_us;
    let (low, high) = (p5.min(0.0), p95.max(0.0));
    let span = (high - low).max(1.0);
    let at = move |us: f64| ((us - low) / span).clamp(0.0, 1.0).to_string();
    let words = format!(
        "Half of all pairs lie between {} and {}, the median is {}; 95% are below {}, 99% below {}. Mean {}{}. The shadow was faster in {}.",
        signed(p25),
        signed(p75),
        signed(p50),
        signed(p95),
        signed(p99),
        signed(latency.mean_us),
        latency.sd_us.map(|sd| format!(", standard deviation {}", wording::micros(sd))).unwrap_or_default(),
        wording::percent(latency.faster_share),
    );
    view! {
        <div
            class="boxplot"
            aria-hidden="true"
            style:--p5=at(p5)
            style:--p25=at(p25)
            style:--p50=at(p50)
            style:--p75=at(p75)
            style:--p95=at(p95)
            style:--zero=at(0.0)
        >
            <span class="boxplot__whisker"></span>
            <span class="boxplot__box"></span>
            <span class="boxplot__median"></span>
            <span class="boxplot__zero"></span>
        </div>
        <p class="quiet">{words}</p>
    }
    .into_any()
}

fn signed(us: f64) -> String {
    let sign = if us < 0.0 { "\u{2212}" } else { "+" };
    format!("{sign}{}", wording::micros(us.abs()))
}
