//! Every fault of the proxy, against a server that echoes.

use std::future::Future;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use devkit::{Direction, FaultProxy};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// Long enough to say that nothing comes, or that something should have.
const QUIET: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(10);

/// A proxy before a server that answers every byte with itself.
async fn echo() -> FaultProxy {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.into_split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    FaultProxy::start(port).await.unwrap()
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    TcpStream::connect(("127.0.0.1", proxy.port()))
        .await
        .unwrap()
}

/// Waits for an answer as long as it takes.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.unwrap()
}

async fn say(stream: &mut TcpStream, word: &[u8]) {
    stream.write_all(word).await.unwrap();
}

async fn hears(stream: &mut TcpStream, word: &[u8]) {
    let mut heard = vec![0; word.len()];
    soon(stream.read_exact(&mut heard)).await.unwrap();
    assert_eq!(heard, word);
}

async fn hears_nothing(stream: &mut TcpStream) {
    let read = timeout(QUIET, stream.read_u8()).await;
    assert!(read.is_err(), "{read:?}");
}

async fn is_reset(stream: &mut TcpStream) {
    let error = soon(stream.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset, "{error}");
}

#[tokio::test]
async fn everything_passes_whole_and_ends_politely() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    let sent: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut from, mut to) = stream.split();
    let all = sent.clone();
    let (wrote, read) = tokio::join!(
        async {
            to.write_all(&all).await.unwrap();
            to.shutdown().await
        },
        async {
            let mut read = Vec::new();
            soon(from.read_to_end(&mut read)).await.unwrap();
            read
        }
    );
    wrote.unwrap();
    assert_eq!(read, sent);
}

#[tokio::test]
async fn latency_is_added_per_direction() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    for (direction, latency) in [(Direction::ToServer, 60), (Direction::ToClient, 90)] {
        let latency = Duration::from_millis(latency);
        proxy.pass();
        proxy.delay(direction, latency);
        let start = Instant::now();
        say(&mut stream, b"ping").await;
        hears(&mut stream, b"ping").await;
        assert!(start.elapsed() >= latency, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_black_hole_accepts_and_delivers_only_afterwards() {
    let proxy = echo().await;
    let mut old = connect(&proxy).await;
    say(&mut old, b"before").await;
    hears(&mut old, b"before").await;
    proxy.black_hole();
    let mut new = connect(&proxy).await;
    for stream in [&mut old, &mut new] {
        say(stream, b"held").await;
        hears_nothing(stream).await;
    }
    proxy.pass();
    for stream in [&mut old, &mut new] {
        hears(stream, b"held").await;
    }
}

#[tokio::test]
async fn a_held_direction_holds_what_comes_back() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    for direction in [Direction::ToServer, Direction::ToClient] {
        proxy.hold(direction);
        say(&mut stream, b"half").await;
        hears_nothing(&mut stream).await;
        proxy.pass();
        hears(&mut stream, b"half").await;
    }
}

#[tokio::test]
async fn a_held_connection_takes_a_bounded_number_of_bytes() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    proxy.black_hole();
    let endless = vec![0; 64 * 1024 * 1024];
    let written = timeout(Duration::from_secs(1), stream.write_all(&endless)).await;
    assert!(written.is_err(), "64 MB vanished into a held connection");
}

#[tokio::test]
async fn a_stall_ends_by_itself() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    let start = Instant::now();
    let stalled = async {
        say(&mut stream, b"late").await;
        hears(&mut stream, b"late").await;
    };
    tokio::join!(proxy.stall(QUIET), stalled);
    assert!(start.elapsed() >= QUIET);
}

#[tokio::test]
async fn forgotten_connections_are_silent_for_good_and_new_ones_work() {
    let proxy = echo().await;
    let mut old = connect(&proxy).await;
    say(&mut old, b"before").await;
    hears(&mut old, b"before").await;
    proxy.forget();
    proxy.pass();
    say(&mut old, b"lost").await;
    hears_nothing(&mut old).await;
    let mut new = connect(&proxy).await;
    say(&mut new, b"new").await;
    hears(&mut new, b"new").await;
}

#[tokio::test]
async fn a_refusing_proxy_has_nobody_at_its_port_until_it_passes() {
    let proxy = echo().await;
    let mut old = connect(&proxy).await;
    say(&mut old, b"old").await;
    hears(&mut old, b"old").await;
    proxy.refuse();
    // A connection that is being made while the port closes may be reset instead.
    let refused = async {
        let connect = || TcpStream::connect(("127.0.0.1", proxy.port()));
        while connect().await.err().map(|error| error.kind()) != Some(ErrorKind::ConnectionRefused)
        {
            tokio::task::yield_now().await;
        }
    };
    soon(refused).await;
    say(&mut old, b"still").await;
    hears(&mut old, b"still").await;
    proxy.pass();
    let accepted = async {
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", proxy.port())).await {
                return stream;
            }
            tokio::task::yield_now().await;
        }
    };
    let mut new = soon(accepted).await;
    say(&mut new, b"new").await;
    hears(&mut new, b"new").await;
}

#[tokio::test]
async fn a_reset_meets_all_present_connections() {
    let proxy = echo().await;
    let (mut first, mut second) = (connect(&proxy).await, connect(&proxy).await);
    for stream in [&mut first, &mut second] {
        say(stream, b"x").await;
        hears(stream, b"x").await;
    }
    proxy.reset();
    is_reset(&mut first).await;
    is_reset(&mut second).await;
    let mut new = connect(&proxy).await;
    say(&mut new, b"new").await;
    hears(&mut new, b"new").await;
}

#[tokio::test]
async fn one_reply_is_cut_after_so_many_bytes_and_only_that_one() {
    let proxy = echo().await;
    let (mut bystander, mut victim) = (connect(&proxy).await, connect(&proxy).await);
    proxy.cut_reply("the request", 7);
    say(&mut bystander, b"something else").await;
    hears(&mut bystander, b"something else").await;
    say(&mut victim, b">> the request").await;
    // A reset may overtake bytes that were not read yet, so that not all seven need arrive.
    let mut heard = Vec::new();
    let error = soon(victim.read_to_end(&mut heard)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(b">> the ".starts_with(&heard[..]), "{heard:?}");
    assert_eq!(proxy.cuts(), 1);
    say(&mut bystander, b">> the request").await;
    hears(&mut bystander, b">> the request").await;
}

#[tokio::test]
async fn a_dropped_proxy_ends_its_connections() {
    let proxy = echo().await;
    let mut stream = connect(&proxy).await;
    say(&mut stream, b"x").await;
    hears(&mut stream, b"x").await;
    drop(proxy);
    assert!(soon(stream.read_u8()).await.is_err());
}
