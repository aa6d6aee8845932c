//! The whole path of an A/B test by the real SDK; left out, with a word on why, where Python has no boto3.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test fails by panicking")]

mod server;

use std::process::Command;

use server::{Server, settings};

#[tokio::test(flavor = "multi_thread")]
async fn boto3_walks_the_path_of_an_ab_test() {
    let there =
        Command::new("python3").args(["-c", "import boto3"]).output().is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("left out: python3 has no boto3; `pip install boto3` and run again");
        return;
    }
    let server = Server::start(settings("")).await;
    let script = format!("{}/tests/python/ab_test.py", env!("CARGO_MANIFEST_DIR"));
    let url = format!("http://{}", server.address);
    let walked =
        tokio::task::spawn_blocking(move || Command::new("python3").args([script, url]).output().unwrap());
    let said = walked.await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{out}\n{err}");
    println!("{out}");
}
