//! What is sent into a connection of HTTP/2.

use arbitrary::Arbitrary;

/// What a client sends first.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Something that a client sends.
#[derive(Arbitrary, Debug, Clone)]
pub enum Sent {
    /// A request of the page, complete; of which stream, and whether its body follows.
    Request {
        /// The number of the stream among those of a client.
        stream: u8,
        /// Which path.
        path: u8,
        /// Whether a body follows.
        has_body: bool,
    },
    /// A stream that is given up.
    Reset {
        /// The number of the stream among those of a client.
        stream: u8,
        /// Why.
        code: u8,
    },
    /// What a stream or, by 0, the connection may be sent, in bytes.
    Window {
        /// The number of the stream among those of a client.
        stream: u8,
        /// The bytes.
        bytes: u32,
    },
    /// A setting.
    Setting {
        /// Which one.
        id: u8,
        /// Its value.
        value: u32,
    },
    /// A frame of any kind.
    Frame {
        /// Its type.
        kind: u8,
        /// Its flags.
        flags: u8,
        /// Its stream.
        stream: u8,
        /// What is in it.
        payload: Vec<u8>,
    },
    /// No frame.
    Bytes(Vec<u8>),
}

/// SPEC: RFC 9113, section 4.1.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], to: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    to.extend(&length[1..]);
    to.extend([kind, flags]);
    to.extend(stream.to_be_bytes());
    to.extend(payload);
}

/// SPEC: RFC 9113, section 5.1.1: streams of a client are odd.
fn odd(stream: u8) -> u32 {
    u32::from(stream % 16) * 2 + 1
}

const PATHS: [&[u8]; 3] = [b"/metrics", b"/health", b"/metrics?name[]=kinds_*"];

impl Sent {
    /// Writes it as it is sent.
    pub fn push_to(&self, bytes: &mut Vec<u8>) {
        match self {
            Sent::Request { stream, path, has_body } => {
                let path = PATHS[usize::from(*path) % PATHS.len()];
                // SPEC: RFC 7541, appendix A: GET, http and the name of the path; section 6.2.2: a value as it is.
                let mut block = vec![0x82, 0x86, 0x04, u8::try_from(path.len()).unwrap_or_default()];
                block.extend(path);
                // The end of the head, and of the request.
                frame(1, if *has_body { 4 } else { 5 }, odd(*stream), &block, bytes);
            }
            Sent::Reset { stream, code } => frame(3, 0, odd(*stream), &[0, 0, 0, *code], bytes),
            Sent::Window { stream, bytes: room } => {
                let stream = if *stream == 0 { 0 } else { odd(*stream) };
                frame(8, 0, stream, &room.to_be_bytes(), bytes);
            }
            Sent::Setting { id, value } => {
                let mut setting = vec![0, id % 8];
                setting.extend(value.to_be_bytes());
                frame(4, 0, 0, &setting, bytes);
            }
            Sent::Frame { kind, flags, stream, payload } => {
                let stream = if *stream % 8 == 0 { 0 } else { odd(*stream) };
                frame(kind % 11, *flags, stream, payload, bytes);
            }
            Sent::Bytes(some) => bytes.extend(some),
        }
    }
}
