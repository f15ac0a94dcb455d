//! Bad input: one line that says what and what to do, an exit code, and nothing overwritten.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]

mod common;

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use common::{Server, bad, good, recording, run};
use crdt_socket_sync::{
    error::{Code, Reason},
    wire::{FullNames, Message},
};
use crdt_socket_sync_sqlite::FILE_NAME;
use tungstenite::{
    Message as Frame, accept, accept_hdr,
    handshake::server::{Request, Response},
};

#[test]
fn a_port_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap().to_string();
    let line = bad(&["serve", "--listen", &addr, "--data", folder.path().join("data").to_str().unwrap()]);
    assert!(line.contains(&addr) && line.contains("in use") && line.contains("--listen"), "{line}");
}

#[test]
fn an_address_that_is_none() {
    let line = bad(&["serve", "--memory", "--listen", "nonsense"]);
    assert!(line.contains("nonsense") && line.contains("127.0.0.1:7070"), "{line}");
}

#[test]
fn a_data_folder_that_belongs_to_something_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "years of work").unwrap();
    let line = bad(&["serve", "--listen", "127.0.0.1:0", "--data", folder.path().to_str().unwrap()]);
    assert!(line.contains("something else"), "{line}");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["thesis.txt"]);
}

#[test]
fn a_data_folder_that_cannot_be_made() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    for data in [file.clone(), file.join("data")] {
        let line = bad(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        assert!(line.contains(data.to_str().unwrap()), "{line}");
    }
    assert_eq!(fs::read(&file).unwrap(), b"not a folder");
}

/// Whoever runs the tests as root can write everywhere.
#[cfg(unix)]
#[test]
fn a_data_folder_that_is_not_writable() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(folder.path().join("probe"), "").is_ok() {
        eprintln!("skipped: this user may write to a folder that is not writable");
        return;
    }
    for data in [folder.path().to_owned(), folder.path().join("data")] {
        let line = bad(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        assert!(line.contains("ermission"), "{line}");
    }
}

#[test]
fn a_data_folder_that_another_server_has() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let server = Server::start(&data);
    let line = bad(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
    assert!(line.contains("in use by another process"), "{line}");
    drop(server);
}

#[test]
fn a_store_that_was_cut_in_half() {
    let folder = tempfile::tempdir().unwrap();
    let (trace, _) = recording(folder.path(), 2, 50);
    let data = folder.path().join("data");
    let server = Server::start(&data);
    good(&["replay", trace.to_str().unwrap(), "--server", &server.url, "--doc", "page"]);
    #[cfg(unix)]
    assert!(server.stop().success());
    #[cfg(not(unix))]
    server.kill();
    let store = data.join(FILE_NAME);
    let whole = fs::read(&store).unwrap();
    for len in [whole.len() / 2, 0] {
        fs::write(&store, &whole[..len]).unwrap();
        let line = bad(&["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()]);
        assert!(line.contains("damaged") && line.contains("backup"), "{line}");
        assert!(fs::read(&store).unwrap() == whole[..len], "not a byte was changed");
    }
}

#[test]
fn a_document_that_is_damaged_in_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (trace, end) = recording(folder.path(), 2, 20);
    let data = folder.path().join("data");
    let server = Server::start(&data);
    for doc in ["one", "two"] {
        good(&["replay", trace.to_str().unwrap(), "--server", &server.url, "--doc", doc]);
    }
    server.kill();
    let vandal = rusqlite::Connection::open(data.join(FILE_NAME)).unwrap();
    vandal.execute("DELETE FROM changes WHERE document = 1 AND position = 3", []).unwrap();
    vandal.close().unwrap();
    let server = Server::start(&data);
    for runtime in ["tokio", "async-std"] {
        let line = bad(&["cat", &server.url, "one", "--runtime", runtime]);
        assert!(line.contains("could not load"), "{line}");
    }
    assert_eq!(good(&["cat", &server.url, "two"]), end, "the other one is as it was");
}

#[test]
fn a_trace_that_is_not_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.json.gz");
    let args = ["replay", path.to_str().unwrap(), "--server", "ws://127.0.0.1:9", "--doc", "page"];
    assert!(bad(&args).contains("check the path"));
    for bytes in [&b"neither one nor the other"[..], b"\x1f\x8b\x08 cut short", b"{\"txns\": 7}", b""] {
        fs::write(&path, bytes).unwrap();
        let line = bad(&args);
        assert!(line.contains("is not an editing trace"), "{line}");
    }
}

#[test]
fn a_trace_whose_edits_do_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"));
    let path = folder.path().join("trace.json");
    fs::write(&path, r#"{"endContent":"", "txns":[{"patches":[[0,0,"a"]]},{"patches":[[5,0,"b"]]}]}"#).unwrap();
    let args = ["replay", path.to_str().unwrap(), "--server", &server.url, "--doc", "page"];
    let stderr = String::from_utf8(run(&args).stderr).unwrap();
    assert!(stderr.contains("error: transaction 1 of the recording cannot be made"), "{stderr}");
}

#[test]
fn a_trace_that_ends_with_something_else_is_told_by_the_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"));
    let path = folder.path().join("trace.json");
    fs::write(&path, r#"{"endContent":"b", "txns":[{"patches":[[0,0,"a"]]}]}"#).unwrap();
    let args = ["replay", path.to_str().unwrap(), "--server", &server.url, "--doc", "page"];
    let output = run(&args);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("as recorded     NO"));
    // And now the document is not empty any more.
    let stderr = String::from_utf8(run(&args).stderr).unwrap();
    assert!(stderr.contains("has something in it already") && stderr.contains("--doc"), "{stderr}");
}

#[test]
fn nobody_listens() {
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = bad(&["cat", &format!("ws://{addr}"), "page"]);
    assert!(line.contains("nobody listens") && line.contains("serve"), "{line}");
}

#[test]
fn a_url_that_is_none() {
    for url in ["nonsense", "http://127.0.0.1:1", "ws://"] {
        let line = bad(&["cat", url, "page"]);
        assert!(line.contains("ws://127.0.0.1:7070"), "{line}");
    }
}

/// Serves each connection in turn; the URL.
fn serve(answer: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().flatten().for_each(answer));
    url
}

fn not_ours(url: &str) {
    for runtime in ["tokio", "async-std"] {
        let line = bad(&["cat", url, "page", "--runtime", runtime]);
        assert!(line.contains(url) && line.contains("name the URL of a crdt-socket-sync server"), "{line}");
    }
}

#[test]
fn a_web_server_that_is_not_ours() {
    not_ours(&serve(|mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
    }));
}

#[test]
fn something_that_does_not_speak_http() {
    not_ours(&serve(|mut stream| {
        let _ = stream.read(&mut [0; 4_096]);
        let _ = stream.write_all(b"220 mail ready\r\n");
    }));
}

#[test]
fn a_websocket_server_that_echoes() {
    not_ours(&serve(|stream| {
        let Ok(mut socket) = accept(stream) else { return };
        while let Ok(frame) = socket.read() {
            let _ = socket.send(frame);
        }
    }));
}

/// Accepts the subprotocol as if it were ours.
#[expect(clippy::result_large_err, reason = "tungstenite wants it so")]
fn agree(request: &Request, mut response: Response) -> Result<Response, tungstenite::handshake::server::ErrorResponse> {
    for protocol in request.headers().get_all("sec-websocket-protocol") {
        response.headers_mut().insert("sec-websocket-protocol", protocol.clone());
    }
    Ok(response)
}

#[test]
fn a_websocket_server_that_echoes_even_the_subprotocol() {
    not_ours(&serve(|stream| {
        let Ok(mut socket) = accept_hdr(stream, agree) else { return };
        while let Ok(frame) = socket.read() {
            let _ = socket.send(frame);
        }
    }));
}

#[test]
fn a_server_of_a_newer_protocol() {
    let url = serve(|stream| {
        let Ok(mut socket) = accept_hdr(stream, agree) else { return };
        let _ = socket.read();
        let reason = Reason::new(Code::Version, "this server speaks versions 7 to 9");
        let close = Message::Close { reason }.encode(&FullNames);
        let _ = socket.send(Frame::Binary(close));
        while socket.read().is_ok() {}
    });
    for runtime in ["tokio", "async-std"] {
        let line = bad(&["cat", &url, "page", "--runtime", runtime]);
        assert!(line.contains("versions 7 to 9") && line.contains("update whichever side is older"), "{line}");
    }
}

#[test]
fn an_editor_without_a_terminal() {
    let line = bad(&["edit", "ws://127.0.0.1:9", "page"]);
    assert!(line.contains("terminal") && line.contains("cat"), "{line}");
}

#[test]
fn a_name_that_is_too_long() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&folder.path().join("data"));
    let line = bad(&["cat", &server.url, &"x".repeat(10_000)]);
    assert!(line.contains("another document name"), "{line}");
}

#[test]
fn arguments_that_make_no_sense_are_told_by_another_exit_code() {
    assert_eq!(run(&["serve", "--nonsense"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}
