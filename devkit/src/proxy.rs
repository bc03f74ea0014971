//! A TCP proxy that misbehaves on request: the network faults of the tests.
//!
//! It listens on a loopback port, passes everything to one target, and can be told at any time
//! to do otherwise: to be late, to hold a direction, to forget its connections, to refuse, to
//! reset, to cut one reply in the middle. What is held is kept as TCP keeps it, in bounded
//! buffers, and goes on when the fault is over; what is cut is lost with its connection.
//!
//! A proxy and not a firewall rule, because tests run in parallel and without privileges. It
//! sees bytes, not commands: a request is recognised by a text inside one read. It ends with
//! its owner.

mod lane;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::port;

/// Between tries to listen again after a refusal.
const LISTEN_AGAIN: Duration = Duration::from_millis(5);

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Requests.
    ToServer,
    /// Replies.
    ToClient,
}

#[derive(Debug, Clone, Copy, Default)]
struct Flow {
    held: bool,
    latency: Duration,
}

/// What all connections look at. Connections are numbered as they are accepted.
#[derive(Debug, Clone, Default)]
struct Behaviour {
    flows: [Flow; 2],
    refusing: bool,
    accepted: u64,
    /// Connections below this number deliver nothing any more.
    silent_below: u64,
    /// Connections below this number are reset.
    reset_below: u64,
    cut: Option<Cut>,
    cuts: u64,
}

#[derive(Debug, Clone)]
struct Cut {
    request: Vec<u8>,
    after: usize,
}

impl Behaviour {
    fn holds(&self, direction: Direction, number: u64) -> bool {
        self.flows[direction as usize].held || number < self.silent_below
    }

    /// Takes the armed cut if these bytes carry the request it waits for.
    fn take_cut(&mut self, bytes: &[u8]) -> Option<usize> {
        let cut = self.cut.as_ref()?;
        let length = cut.request.len().max(1);
        let found = cut.request.is_empty() || bytes.windows(length).any(|at| at == cut.request);
        found.then(|| self.cut.take().map(|cut| cut.after))?
    }
}

/// A running proxy; dropping it ends its connections.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    behaviour: Arc<watch::Sender<Behaviour>>,
    task: JoinHandle<()>,
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FaultProxy {
    /// Starts a proxy before a loopback port; at first everything passes.
    pub async fn start(target: u16) -> io::Result<Self> {
        let (port, listener) = loop {
            let port = port::free()?;
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => break (port, listener),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        };
        let behaviour = Arc::new(watch::Sender::new(Behaviour::default()));
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, target));
        let task = tokio::spawn(serve(port, listener, address, Arc::clone(&behaviour)));
        Ok(Self {
            port,
            behaviour,
            task,
        })
    }

    /// The port to connect to.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address for Redis clients, database 0.
    pub fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Everything passes at once again; forgotten connections stay forgotten.
    pub fn pass(&self) {
        self.behaviour.send_modify(|now| {
            now.flows = <[Flow; 2]>::default();
            now.refusing = false;
            now.cut = None;
        });
    }

    /// What is read from now on arrives that much later.
    pub fn delay(&self, direction: Direction, latency: Duration) {
        self.behaviour
            .send_modify(|now| now.flows[direction as usize].latency = latency);
    }

    /// Half-open: connections stay and are accepted, nothing goes that way until [`Self::pass`].
    pub fn hold(&self, direction: Direction) {
        self.behaviour
            .send_modify(|now| now.flows[direction as usize].held = true);
    }

    /// A black hole: connections stay and are accepted, nothing is delivered until [`Self::pass`].
    pub fn black_hole(&self) {
        self.behaviour
            .send_modify(|now| now.flows.iter_mut().for_each(|flow| flow.held = true));
    }

    /// A black hole for that long, then everything passes.
    pub async fn stall(&self, duration: Duration) {
        self.black_hole();
        tokio::time::sleep(duration).await;
        self.pass();
    }

    /// Present connections never deliver anything again and never end; new ones work.
    /// This is what a firewall does that forgot its connections.
    pub fn forget(&self) {
        self.behaviour
            .send_modify(|now| now.silent_below = now.accepted);
    }

    /// New connections are refused until [`Self::pass`]; present ones stay.
    pub fn refuse(&self) {
        self.behaviour.send_modify(|now| now.refusing = true);
    }

    /// All present connections are reset.
    pub fn reset(&self) {
        self.behaviour
            .send_modify(|now| now.reset_below = now.accepted);
    }

    /// The next request with this text in it reaches the server; of the bytes that come back
    /// from then on only `after` reach the client, and both sides of the connection are reset.
    pub fn cut_reply(&self, request: impl Into<Vec<u8>>, after: usize) {
        let request = request.into();
        self.behaviour
            .send_modify(|now| now.cut = Some(Cut { request, after }));
    }

    /// Replies cut so far.
    pub fn cuts(&self) -> u64 {
        self.behaviour.borrow().cuts
    }

    /// Connections accepted so far.
    pub fn accepted(&self) -> u64 {
        self.behaviour.borrow().accepted
    }
}

/// Accepts until it is aborted; its connections are aborted with it.
async fn serve(
    port: u16,
    first: TcpListener,
    target: SocketAddr,
    behaviour: Arc<watch::Sender<Behaviour>>,
) {
    let mut connections = JoinSet::new();
    let mut changes = behaviour.subscribe();
    let mut listening = Some(first);
    loop {
        if changes.borrow_and_update().refusing {
            listening = None;
            drop(changes.wait_for(|now| !now.refusing).await);
        }
        let Some(listener) = &listening else {
            match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
                Ok(listener) => listening = Some(listener),
                Err(_) => tokio::time::sleep(LISTEN_AGAIN).await,
            }
            continue;
        };
        tokio::select! {
            accepted = listener.accept() => if let Ok((client, _)) = accepted {
                let mut number = 0;
                behaviour.send_modify(|now| { number = now.accepted; now.accepted += 1; });
                let behaviour = Arc::clone(&behaviour);
                connections.spawn(async move { lane::connect(number, client, target, behaviour).await });
            },
            _ = changes.changed() => {}
            Some(_) = connections.join_next() => {}
        }
    }
}
