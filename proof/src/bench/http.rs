//! One kept HTTP connection that costs very little processor time: it writes a prepared request and reads one answer.
//!
//! Owns as much of HTTP/1.1 as measuring pages needs. Everything else uses [`crate::client`].

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::bench::Result;

const CHUNK: usize = 64 * 1024;

pub struct Http {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

pub struct Answer<'a> {
    pub status: u16,
    pub head: &'a str,
    pub body: &'a [u8],
}

impl Answer<'_> {
    pub fn header(&self, name: &str) -> Option<&str> {
        header(self.head, name)
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = head.lines().filter_map(|line| line.split_once(':'));
    pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

impl Http {
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; CHUNK], filled: 0 })
    }

    pub fn send(&mut self, request: &[u8]) -> Result<Answer<'_>> {
        self.stream.write_all(request)?;
        self.filled = 0;
        let (head_end, length) = loop {
            self.read_more()?;
            if let Some(end) = find(&self.buffer[..self.filled], b"\r\n\r\n") {
                let head = std::str::from_utf8(&self.buffer[..end])?;
                break (end, length(head)?);
            }
        };
        let total = match length {
            Length::Known(length) => {
                while self.filled < head_end + 4 + length {
                    self.read_more()?;
                }
                head_end + 4 + length
            }
            Length::InChunks => self.read_chunks(head_end + 4)?,
        };
        let head = std::str::from_utf8(&self.buffer[..head_end])?;
        let status = head.get(9..12).ok_or("no status line")?.parse()?;
        Ok(Answer { status, head, body: &self.buffer[head_end + 4..total] })
    }

    /// Reads until the last chunk, and returns where the answer ends. The body stays encoded.
    fn read_chunks(&mut self, mut at: usize) -> Result<usize> {
        loop {
            let line = loop {
                if let Some(end) = find(&self.buffer[at..self.filled], b"\r\n") {
                    break end;
                }
                self.read_more()?;
            };
            let digits = std::str::from_utf8(&self.buffer[at..at + line])?;
            let length = usize::from_str_radix(digits.split(';').next().unwrap_or_default().trim(), 16)?;
            at += line + 2 + length + 2;
            while self.filled < at {
                self.read_more()?;
            }
            if length == 0 {
                return Ok(at);
            }
        }
    }

    fn read_more(&mut self) -> Result<()> {
        if self.filled == self.buffer.len() {
            self.buffer.resize(self.filled * 2, 0);
        }
        let read = self.stream.read(&mut self.buffer[self.filled..])?;
        if read == 0 {
            return Err("the server closed the connection".into());
        }
        self.filled += read;
        Ok(())
    }
}

enum Length {
    Known(usize),
    InChunks,
}

fn length(head: &str) -> Result<Length> {
    if let Some(length) = header(head, "content-length") {
        return Ok(Length::Known(length.parse()?));
    }
    match head.get(9..12) {
        _ if header(head, "transfer-encoding").is_some_and(|it| it.eq_ignore_ascii_case("chunked")) => Ok(Length::InChunks),
        Some("303" | "304") => Ok(Length::Known(0)),
        _ => Err(format!("an answer without a length: {head}").into()),
    }
}

pub fn get(path: &str, cookie: &str, headers: &[(&str, &str)]) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nhost: load\r\ncookie: {cookie}\r\n{headers}\r\n").into_bytes()
}

pub fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}
