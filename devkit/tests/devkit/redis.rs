//! Redis on its port and socket, killed and started again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use devkit::{Persistence, RedisServer};

/// Sends one inline command and returns the first line of the answer.
fn ask(mut stream: impl Read + Write, command: &str) -> String {
    stream
        .write_all(format!("{command}\r\n").as_bytes())
        .unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

fn on_port(server: &RedisServer, command: &str) -> String {
    ask(
        TcpStream::connect(("127.0.0.1", server.port())).unwrap(),
        command,
    )
}

#[test]
fn a_started_server_answers_on_its_port_and_on_its_socket() {
    let server = RedisServer::start(Persistence::None).unwrap();
    assert_eq!(
        server.url(),
        format!("redis://127.0.0.1:{}/0", server.port())
    );
    assert_eq!(on_port(&server, "SET answered yes"), "+OK");
    let stream = UnixStream::connect(server.socket()).unwrap();
    assert_eq!(ask(stream, "EXISTS answered"), ":1");
    assert!(
        server
            .socket_url()
            .ends_with(server.socket().to_str().unwrap())
    );
}

#[test]
fn a_server_never_evicts_and_lets_tests_debug() {
    let server = RedisServer::start(Persistence::None).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", server.port())).unwrap();
    stream
        .write_all(b"CONFIG GET maxmemory-policy\r\nDEBUG SLEEP 0\r\nQUIT\r\n")
        .unwrap();
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    assert!(answers.contains("noeviction"), "{answers}");
    assert!(!answers.contains("-ERR"), "{answers}");
}

#[test]
fn a_killed_server_with_an_append_only_file_keeps_its_data() {
    let mut server = RedisServer::start(Persistence::Aof).unwrap();
    assert_eq!(on_port(&server, "SET kept yes"), "+OK");
    let (port, first) = (server.port(), server.pid().unwrap());
    server.kill().unwrap();
    assert_eq!(server.pid(), None);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());

    server.restart().unwrap();
    assert_eq!(server.port(), port);
    assert_ne!(server.pid(), Some(first));
    assert_eq!(on_port(&server, "EXISTS kept"), ":1");

    server.stop_gracefully().unwrap();
    server.restart().unwrap();
    assert_eq!(on_port(&server, "EXISTS kept"), ":1");
}

#[test]
fn a_killed_server_without_persistence_comes_back_empty() {
    let mut server = RedisServer::start(Persistence::None).unwrap();
    assert_eq!(on_port(&server, "SET kept no"), "+OK");
    server.restart().unwrap();
    assert_eq!(on_port(&server, "EXISTS kept"), ":0");
}
