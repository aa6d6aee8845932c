//! What was acknowledged is there after the server was killed, at any moment.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod server;

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, Full};
use rollout_lab::{
    analysis::metrics::{FleetHardware, MetricStore},
    domain::{EndpointName, FleetId, InvocationRecord, InvocationStatus, ReviewId, VariantName, VirtualTime},
    server::backend,
};
use serde_json::{Value, json};
use server::{Folder, container};

/// A server in a process of its own, ended without warning when dropped.
struct Process {
    child: Child,
    url: String,
    began: Instant,
    started_in: Duration,
}

impl Process {
    fn start(config: &Path, state: &Path) -> Self {
        let began = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_rollout-lab"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--config"])
            .arg(config)
            .arg("--state")
            .arg(state)
            .env_remove("ROLLOUT_LAB_TOKEN")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        assert!(url.starts_with("http://127.0.0.1:"), "the server says where it is, but said {url:?}");
        Self { child, url: url.trim().to_owned(), began, started_in: began.elapsed() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A call; none when the server was killed before it answered.
async fn call(client: &backend::Client, url: &str, operation: &str, members: &Value) -> Option<(u16, Value)> {
    let request = hyper::Request::post(url)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", format!("SageMaker.{operation}"))
        .body(Full::from(members.to_string()))
        .unwrap();
    let answer = client.request(request).await.ok()?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.ok()?.to_bytes();
    Some((status, serde_json::from_slice(&body).ok()?))
}

/// An endpoint `ep` of one variant.
async fn deploy(client: &backend::Client, url: &str) {
    let made = json!({"ModelName": "m", "PrimaryContainer": container("stars-a")});
    let variant = json!({"VariantName": "v", "ModelName": "m", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1});
    for (operation, members) in [
        ("CreateModel", made),
        ("CreateEndpointConfig", json!({"EndpointConfigName": "c", "ProductionVariants": [variant]})),
        ("CreateEndpoint", json!({"EndpointName": "ep", "EndpointConfigName": "c"})),
    ] {
        assert_eq!(call(client, url, operation, &members).await.unwrap().0, 200);
    }
}

/// What must be, what must not be, and what may be either.
#[derive(Default)]
struct Promises {
    there: BTreeSet<String>,
    gone: BTreeSet<String>,
    weight_acknowledged: u64,
    weight_sent: u64,
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost() {
    let rounds: u64 = std::env::var("CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let folder = Folder::new("crash");
    let config = folder.0.join("lab.toml");
    let toml = "[durations]\ncreate_s = 0.0\nweights_s = 0.0\n[embedded]\nthreads = 1\n";
    std::fs::write(&config, toml).unwrap();
    // The weight begins with the API's default.
    let promises = Promises { weight_acknowledged: 1, weight_sent: 1, ..Promises::default() };
    let promises = Arc::new(Mutex::new(promises));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut starts = Vec::new();
    for round in 0..=rounds {
        let mut process = Process::start(&config, &folder.0);
        starts.push(process.started_in);
        let client = backend::client(Duration::from_secs(5), 16);
        let request = hyper::Request::get(format!("{}api/state", process.url)).body(Full::default()).unwrap();
        let said = client.request(request).await.unwrap().into_body().collect().await.unwrap().to_bytes();
        let state: Value = serde_json::from_slice(&said).unwrap();
        {
            let promises = promises.lock().unwrap();
            let models = state["plane"]["models"].as_array().unwrap();
            let models: BTreeSet<&str> = models.iter().map(|m| m["ModelName"].as_str().unwrap()).collect();
            let lost: Vec<_> = promises.there.iter().filter(|m| !models.contains(m.as_str())).collect();
            assert!(lost.is_empty(), "round {round}: acknowledged and lost: {lost:?}");
            let back: Vec<_> = promises.gone.iter().filter(|m| models.contains(m.as_str())).collect();
            assert!(back.is_empty(), "round {round}: deleted and back: {back:?}");
            if round > 0 {
                let endpoint = &state["plane"]["endpoints"][0];
                assert_eq!(endpoint["EndpointStatus"], "InService", "round {round}: {endpoint}");
                let weight = endpoint["ProductionVariants"][0]["DesiredWeight"].as_f64().unwrap() as u64;
                let bounds = promises.weight_acknowledged..=promises.weight_sent;
                assert!(bounds.contains(&weight), "round {round}: {weight} is outside {bounds:?}");
            }
        }
        if round == 0 {
            deploy(&client, &process.url).await;
        }
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (client, url) = (client.clone(), process.url.clone());
                let (promises, acknowledged) = (promises.clone(), acknowledged.clone());
                tokio::spawn(async move {
                    for k in 0.. {
                        let name = format!("m-{round}-{writer}-{k}");
                        let made = json!({"ModelName": name, "PrimaryContainer": container("stars-a")});
                        let Some((status, said)) = call(&client, &url, "CreateModel", &made).await else {
                            return;
                        };
                        assert_eq!(status, 200, "{said}");
                        promises.lock().unwrap().there.insert(name.clone());
                        acknowledged.fetch_add(1, Ordering::Relaxed);
                        if k % 3 == 0 {
                            // Neither there nor gone until it is acknowledged.
                            promises.lock().unwrap().there.remove(&name);
                            let Some((status, said)) =
                                call(&client, &url, "DeleteModel", &json!({"ModelName": name})).await
                            else {
                                return;
                            };
                            assert_eq!(status, 200, "{said}");
                            promises.lock().unwrap().gone.insert(name);
                            acknowledged.fetch_add(1, Ordering::Relaxed);
                        }
                        if writer == 0 {
                            let weight = {
                                let mut promises = promises.lock().unwrap();
                                promises.weight_sent += 1;
                                promises.weight_sent
                            };
                            let desired = json!([{"VariantName": "v", "DesiredWeight": weight}]);
                            let asked = json!({"EndpointName": "ep", "DesiredWeightsAndCapacities": desired});
                            match call(&client, &url, "UpdateEndpointWeightsAndCapacities", &asked).await {
                                // Still busy with the last one: that is an answer, too.
                                Some((status, _)) if status != 200 => {}
                                Some(_) => promises.lock().unwrap().weight_acknowledged = weight,
                                None => return,
                            }
                        }
                    }
                })
            })
            .collect();
        // Killed amid writes: after another number of them each round, whatever the clock says.
        let enough = acknowledged.load(Ordering::Relaxed) + 3 + round * 7 % 23;
        while acknowledged.load(Ordering::Relaxed) < enough {
            tokio::task::yield_now().await;
        }
        process.child.kill().unwrap();
        process.child.wait().unwrap();
        for writer in writers {
            writer.await.unwrap();
        }
    }
    starts.sort();
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let promises = promises.lock().unwrap();
    let counted = format!("{} models there, {} gone", promises.there.len(), promises.gone.len());
    println!(
        "{rounds} times killed, {} calls acknowledged, none lost ({counted}); start: median {:.0} ms, slowest {:.0} ms",
        acknowledged.load(Ordering::Relaxed),
        ms(starts[starts.len() / 2]),
        ms(starts[starts.len() - 1])
    );
}

async fn get(client: &backend::Client, url: &str) -> String {
    let request = hyper::Request::get(url).body(Full::default()).unwrap();
    let said = client.request(request).await.unwrap().into_body().collect().await.unwrap();
    String::from_utf8(said.to_bytes().to_vec()).unwrap()
}

/// The state, once an endpoint serves.
async fn serving(client: &backend::Client, url: &str) -> Value {
    loop {
        let state: Value = serde_json::from_str(&get(client, &format!("{url}api/state")).await).unwrap();
        if state["fleets"].as_array().is_some_and(|f| !f.is_empty()) {
            return state;
        }
    }
}

async fn invoke(client: &backend::Client, url: &str) {
    let request = hyper::Request::post(format!("{url}endpoints/ep/invocations"))
        .header("content-type", "application/jsonlines")
        .body(Full::from(server::REVIEW))
        .unwrap();
    assert_eq!(client.request(request).await.unwrap().status(), 200);
}

/// A metric that has no labels, from `/metrics`.
async fn metric(client: &backend::Client, url: &str, name: &str) -> u64 {
    let page = get(client, &format!("{url}metrics")).await;
    let line = page.lines().find(|l| l.strip_prefix(name).is_some_and(|l| l.starts_with(' ')));
    line.unwrap().rsplit(' ').next().unwrap().parse().unwrap()
}

/// A server that is killed loses no metrics that it said to be on the disk, and counts none twice.
#[tokio::test(flavor = "multi_thread")]
async fn metrics_that_were_written_come_back() {
    let rounds: u64 = std::env::var("CRASH_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    let folder = Folder::new("crash-metrics");
    let config = folder.0.join("lab.toml");
    let toml = "[durations]\ncreate_s = 0.0\n[embedded]\nthreads = 1\n[history]\nflush_ms = 20\n";
    std::fs::write(&config, toml).unwrap();
    // Of all starts: sent, and known to be on the disk.
    let (mut sent, mut safe, mut lost) = (0, 0, 0);
    for round in 0..=rounds {
        let mut process = Process::start(&config, &folder.0);
        let client = backend::client(Duration::from_secs(5), 16);
        if round == 0 {
            deploy(&client, &process.url).await;
        }
        let state = serving(&client, &process.url).await;
        let counted = state["fleets"][0]["answered"].as_u64().unwrap();
        assert!((safe..=sent).contains(&counted), "round {round}: {counted} is outside {safe} to {sent}");
        lost += sent - counted;
        (sent, safe) = (counted, counted);
        let mut asked = 0;
        for _ in 0..10 + round % 7 {
            invoke(&client, &process.url).await;
            asked += 1;
        }
        // Said to be written: these must be there.
        while metric(&client, &process.url, "rollout_metrics_written_total").await < asked {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        safe += asked;
        // These may be: the last ones are amid a flush or before it.
        for _ in 0..round * 5 % 11 {
            invoke(&client, &process.url).await;
            asked += 1;
        }
        sent += asked;
        process.child.kill().unwrap();
        process.child.wait().unwrap();
    }
    println!(
        "{rounds} times killed, {safe} invocations counted as written and none lost; {lost} that were not yet written were"
    );
}

/// A row of a busy minute, as it is written: 6,000 answers of 1 to 60 ms.
fn busy_minute() -> Vec<u8> {
    let (endpoint, variant) = (EndpointName::new("e").unwrap(), VariantName::new("v").unwrap());
    let mut metrics = MetricStore::default();
    metrics.note_changes();
    let hardware =
        FleetHardware { vcpus: 2, memory_gib: 8.0, gpus: 0, model_bytes: 500_000, container_ns: 2_000_000 };
    metrics.register(FleetId(0), &endpoint, &variant, hardware, 1, VirtualTime::ZERO);
    for i in 0..6_000 {
        metrics.record(&InvocationRecord {
            id: i,
            arrival: VirtualTime::from_ns(i * 10_000_000),
            user: 0,
            review: ReviewId(0),
            true_stars: None,
            fleet: FleetId(0),
            instance: 0,
            status: InvocationStatus::Answered,
            wait_ns: 0,
            service_ns: 1_000_000 + i * i * 1_640,
            overhead_ns: 50_000 + i * 100,
            predicted: None,
            copy: false,
            leaked_kib: 0,
        });
    }
    metrics.advance(VirtualTime::from_s(120));
    metrics.changes().rows.into_iter().find(|r| (r.tier, r.minute) == (0, 0)).unwrap().row.unwrap()
}

/// A server serves within a second of its start, with the history of one busy endpoint and with all that is ever kept; the
/// latter is read meanwhile. Prints how long that takes; to be run in release.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes a gigabyte"]
async fn a_start_with_a_full_history() {
    use redb::TableDefinition;
    let row = busy_minute();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 60;
    for variants in [2, 64] {
        let folder = Folder::new(&format!("full-{variants}"));
        let config = folder.0.join("lab.toml");
        std::fs::write(&config, "[embedded]\nthreads = 1\n[durations]\ncreate_s = 0.0\n").unwrap();
        // A first start makes the files, and a control plane that goes on.
        let client = backend::client(Duration::from_secs(5), 16);
        {
            let process = Process::start(&config, &folder.0);
            deploy(&client, &process.url).await;
        }
        let file = folder.0.join("metrics.redb");
        let database = redb::Database::open(&file).unwrap();
        let writing = database.begin_write().unwrap();
        let mut rows = 0;
        {
            let table: TableDefinition<'_, (&str, u8, u64), &[u8]> = TableDefinition::new("rows");
            let mut table = writing.open_table(table).unwrap();
            for variant in 0..variants {
                for (tier, minutes, kept) in [(0, 1, 1_440), (1, 5, 2_016), (2, 60, 455 * 24)] {
                    for i in 1..=kept {
                        let minute = now / minutes * minutes - i * minutes;
                        table
                            .insert((format!("e/v{variant}").as_str(), tier, minute), row.as_slice())
                            .unwrap();
                        rows += 1;
                    }
                }
            }
            let fleets: TableDefinition<'_, (u64, u32), &[u8]> = TableDefinition::new("fleets");
            let mut fleets = writing.open_table(fleets).unwrap();
            for fleet in 0..variants {
                for i in 1..=360 {
                    fleets.insert((now - i, 1_000 + fleet), row.as_slice()).unwrap();
                    rows += 1;
                }
            }
        }
        writing.commit().unwrap();
        drop(database);
        let mb = std::fs::metadata(&file).unwrap().len() as f64 / 1e6;
        println!("{variants} variants, {rows} rows of {} bytes, {mb:.0} MB", row.len());
        for _ in 0..3 {
            let process = Process::start(&config, &folder.0);
            let started = process.started_in;
            let mut answers = 0_u32;
            serving(&client, &process.url).await;
            while metric(&client, &process.url, "rollout_history_unread_variants").await > 0 {
                invoke(&client, &process.url).await;
                answers += 1;
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            println!(
                "started in {started:?}, {answers} invocations answered until all was read after {:?}",
                process.began.elapsed()
            );
            assert!(started < Duration::from_secs(1), "{started:?}");
        }
    }
}
