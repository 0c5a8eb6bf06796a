// SPDX-License-Identifier: GPL-2.0-or-later OR Artistic-1.0-Perl
//! The file at the script's end of a transfer, with its holes.

use crate::boundary::error::{Error, Result};
use libc::{c_int, off_t};
use std::io::Error as Errno;

/// The next part of a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Section {
    /// So many bytes, or fewer.
    Data(u64),
    /// So many that are not there.
    Hole(u64),
    /// Nothing.
    End,
}

/// A descriptor, which the caller keeps open. All of it starts where the descriptor stands, as sysread does.
pub struct File {
    fd: c_int,
    /// Where it stands, of a file that has places.
    at: Option<u64>,
    /// Up to where there is data, as far as that was asked for.
    data_until: u64,
    /// How long it was.
    size: u64,
    /// Holes can be left out: a plain file, not one that is only appended to.
    sparse: bool,
    /// Reading and writing may wait.
    waits: bool,
    /// How much is written at a time: what is ready takes that without waiting.
    most: usize,
    /// It has to be made longer at the end.
    ends_in_hole: bool,
    rest: Rest,
}

/// Data or zeros that are still to be written.
enum Rest {
    Nothing,
    Data(Vec<u8>),
    Zeros(u64),
}

/// Whether to go on waiting, asked while a file has to wait. If not, the file keeps what it has not written.
pub type GoOn<'a> = &'a mut dyn FnMut() -> Result<bool>;

fn seek(fd: c_int, offset: u64, whence: c_int) -> std::io::Result<u64> {
    let offset = off_t::try_from(offset).map_err(|_| Errno::from_raw_os_error(libc::EOVERFLOW))?;
    // SAFETY: the caller's descriptor.
    let place = unsafe { libc::lseek(fd, offset, whence) };
    u64::try_from(place).map_err(|_| Errno::last_os_error())
}

/// Waits a moment for the descriptor; false if nothing happened.
fn is_ready(fd: c_int, events: i16) -> bool {
    let mut poll = libc::pollfd { fd, events, revents: 0 };
    // SAFETY: one descriptor.
    unsafe { libc::poll(&raw mut poll, 1, 100) > 0 }
}

impl File {
    /// The kind of the descriptor.
    pub fn new(fd: c_int) -> Self {
        let mut about = std::mem::MaybeUninit::<libc::stat>::zeroed();
        // SAFETY: room for what it is.
        let known = unsafe { libc::fstat(fd, about.as_mut_ptr()) } == 0;
        // SAFETY: zeros or what the call wrote: all are numbers.
        let about = unsafe { about.assume_init() };
        // SAFETY: asks for flags.
        let flags = unsafe { libc::fcntl(fd, libc::F_GETFL) };
        let plain = known && about.st_mode & libc::S_IFMT == libc::S_IFREG;
        File {
            fd,
            at: seek(fd, 0, libc::SEEK_CUR).ok(),
            data_until: 0,
            size: u64::try_from(about.st_size).unwrap_or(0),
            sparse: plain && flags >= 0 && flags & libc::O_APPEND == 0,
            waits: !plain,
            most: match about.st_mode & libc::S_IFMT {
                libc::S_IFREG | libc::S_IFBLK => usize::MAX,
                _ => libc::PIPE_BUF,
            },
            ends_in_hole: false,
            rest: Rest::Nothing,
        }
    }

    /// Reads what there is, at most as much as the buffer holds: 0 at the end. None: nothing yet, or a signal came.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        if self.waits && !is_ready(self.fd, libc::POLLIN) {
            return Ok(None);
        }
        // SAFETY: room for so many bytes.
        let got = unsafe { libc::read(self.fd, buffer.as_mut_ptr().cast(), buffer.len()) };
        let Ok(got) = usize::try_from(got) else {
            let error = Errno::last_os_error();
            return match error.raw_os_error() {
                Some(libc::EINTR | libc::EAGAIN) => Ok(None),
                _ => Err(Error::system("cannot read from the file", &error)),
            };
        };
        self.at = self.at.map(|at| at + got as u64);
        Ok(Some(got))
    }

    /// Writes all of it, unless `go_on` says that this takes too long: see [`File::rest`].
    pub fn write(&mut self, bytes: &[u8], go_on: GoOn) -> Result<()> {
        self.at = self.at.map(|at| at + bytes.len() as u64);
        self.ends_in_hole = false;
        let put = self.put(bytes, go_on)?;
        if let Some(rest @ [_, ..]) = bytes.get(put..) {
            self.rest = Rest::Data(rest.to_vec());
        }
        Ok(())
    }

    /// How many bytes it has kept that are still to be written.
    pub fn rest(&self) -> u64 {
        match &self.rest {
            Rest::Nothing => 0,
            Rest::Data(bytes) => bytes.len() as u64,
            Rest::Zeros(length) => *length,
        }
    }

    /// Goes on with what it has kept.
    pub fn write_rest(&mut self, go_on: GoOn) -> Result<()> {
        match std::mem::replace(&mut self.rest, Rest::Nothing) {
            Rest::Nothing => Ok(()),
            Rest::Zeros(length) => self.write_zeros(length, go_on),
            Rest::Data(mut bytes) => {
                let put = self.put(&bytes, go_on)?;
                if put < bytes.len() {
                    bytes.drain(..put);
                    self.rest = Rest::Data(bytes);
                }
                Ok(())
            }
        }
    }

    /// How many bytes were written until all were, or `go_on` said that it is enough.
    fn put(&mut self, bytes: &[u8], go_on: GoOn) -> Result<usize> {
        let mut done = 0;
        while let Some(left @ [_, ..]) = bytes.get(done..) {
            if self.waits && !is_ready(self.fd, libc::POLLOUT) {
                if !go_on()? {
                    break;
                }
                continue;
            }
            let most = left.len().min(self.most);
            // SAFETY: so many bytes.
            let put = unsafe { libc::write(self.fd, left.as_ptr().cast(), most) };
            match usize::try_from(put) {
                Ok(put) => done += put,
                Err(_) => {
                    let error = Errno::last_os_error();
                    if !matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN)) {
                        return Err(Error::system("cannot write to the file", &error));
                    }
                    if !go_on()? {
                        break;
                    }
                }
            }
        }
        Ok(done)
    }

    /// Whether data or a hole comes next. Files in which holes cannot be found are data.
    pub fn section(&mut self) -> Result<Section> {
        let (Some(at), true) = (self.at, self.sparse) else { return Ok(Section::Data(u64::MAX)) };
        if at < self.data_until {
            return Ok(Section::Data(self.data_until - at));
        }
        let data = seek(self.fd, at, libc::SEEK_DATA);
        let found = match data {
            Ok(data) if data == at => match seek(self.fd, at, libc::SEEK_HOLE) {
                Ok(hole) => {
                    self.data_until = hole;
                    Section::Data(hole.saturating_sub(at))
                }
                Err(_) => Section::End,
            },
            Ok(data) => Section::Hole(data.saturating_sub(at)),
            // A hole up to the end, unless this is the end; or a file system that does not report holes.
            Err(error) if error.raw_os_error() == Some(libc::ENXIO) => {
                match seek(self.fd, 0, libc::SEEK_END) {
                    Ok(end) if end > at => Section::Hole(end - at),
                    _ => Section::End,
                }
            }
            Err(_) => Section::Data(u64::MAX),
        };
        seek(self.fd, at, libc::SEEK_SET)
            .map_err(|error| Error::system("cannot seek in the file", &error))?;
        Ok(found)
    }

    /// Goes on behind a hole.
    pub fn skip(&mut self, length: u64) -> Result<()> {
        let at = self.at.unwrap_or(0).saturating_add(length);
        seek(self.fd, at, libc::SEEK_SET)
            .map_err(|error| Error::system("cannot seek in the file", &error))?;
        self.at = Some(at);
        Ok(())
    }

    /// Makes a hole of that length, or zeros where there can be none, as far as `write` would.
    pub fn write_hole(&mut self, length: u64, go_on: GoOn) -> Result<()> {
        if let (Some(at), true) = (self.at, self.sparse) {
            let old = self.size.saturating_sub(at).min(length);
            if old == 0 || self.punch(at, old) {
                self.skip(length)?;
                self.ends_in_hole = true;
                return Ok(());
            }
        }
        self.at = self.at.map(|at| at.saturating_add(length));
        self.ends_in_hole = false;
        self.write_zeros(length, go_on)
    }

    fn write_zeros(&mut self, mut left: u64, go_on: GoOn) -> Result<()> {
        let zeros = vec![0; 65536];
        while left > 0 {
            let most = left.min(zeros.len() as u64) as usize;
            let put = self.put(&zeros[..most], go_on)?;
            left -= put as u64;
            if put < most || !go_on()? {
                break;
            }
        }
        if left > 0 {
            self.rest = Rest::Zeros(left);
        }
        Ok(())
    }

    /// The file's old content there is removed.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn punch(&self, at: u64, length: u64) -> bool {
        let (Ok(at), Ok(length)) = (off_t::try_from(at), off_t::try_from(length)) else { return false };
        let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: numbers.
        unsafe { libc::fallocate(self.fd, how, at, length) == 0 }
    }

    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn punch(&self, _at: u64, _length: u64) -> bool {
        false
    }

    /// All is written: a hole at the end is part of the file.
    pub fn end(&self) -> Result<()> {
        let Some(at) = self.at.filter(|&at| self.ends_in_hole && at > self.size) else { return Ok(()) };
        // SAFETY: a number; `skip` has been there, so that it fits.
        if unsafe { libc::ftruncate(self.fd, at as off_t) } == 0 {
            return Ok(());
        }
        Err(Error::system("cannot make the file longer", &Errno::last_os_error()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::os::fd::{AsRawFd, FromRawFd};

    fn scratch(name: &str) -> std::fs::File {
        let path = std::env::temp_dir().join(format!("sys-virt-file-{}-{name}", std::process::id()));
        let file = std::fs::File::options().read(true).write(true).create(true).truncate(true).open(&path);
        std::fs::remove_file(&path).expect("it was made");
        file.expect("a file")
    }

    #[test]
    fn holes_are_found_and_made() {
        let mut from = scratch("from");
        from.seek(SeekFrom::Start(1 << 20)).expect("a place");
        from.write_all(&[7; 4096]).expect("room");
        from.set_len(3 << 20).expect("room");
        from.rewind().expect("a place");
        let mut to = scratch("to");
        to.write_all(&[9; 2 << 20]).expect("room");
        to.rewind().expect("a place");
        let (mut source, mut target) = (File::new(from.as_raw_fd()), File::new(to.as_raw_fd()));
        let mut buffer = [0; 65536];
        loop {
            match source.section().expect("it tells") {
                Section::Hole(length) => {
                    source.skip(length).expect("a place");
                    target.write_hole(length, &mut || Ok(true)).expect("room");
                }
                Section::Data(length) => {
                    let most = buffer.len().min(length.min(65536) as usize);
                    let got = source.read(&mut buffer[..most]).expect("it reads").expect("at once");
                    if got == 0 {
                        break;
                    }
                    target.write(&buffer[..got], &mut || Ok(true)).expect("room");
                }
                Section::End => break,
            }
        }
        target.end().expect("room");
        let (mut sent, mut arrived) = (Vec::new(), Vec::new());
        from.rewind().expect("a place");
        to.rewind().expect("a place");
        from.read_to_end(&mut sent).expect("it reads");
        to.read_to_end(&mut arrived).expect("it reads");
        assert_eq!(sent.len(), 3 << 20);
        assert!(sent == arrived, "what the file had before is gone where there is a hole");
    }

    #[test]
    fn what_has_no_places_gets_zeros() {
        let (mut reader, writer) = std::os::unix::net::UnixStream::pair().expect("sockets");
        let mut target = File::new(writer.as_raw_fd());
        assert_eq!(target.section().expect("it tells"), Section::Data(u64::MAX));
        target.write_hole(1000, &mut || Ok(true)).expect("room");
        target.write(b"end", &mut || Ok(true)).expect("room");
        target.end().expect("nothing to do");
        drop(writer);
        let mut got = Vec::new();
        reader.read_to_end(&mut got).expect("it reads");
        assert_eq!(got.len(), 1003);
        assert!(got.starts_with(&[0; 1000]) && got.ends_with(b"end"));
        assert_eq!(File::new(reader.as_raw_fd()).read(&mut [0; 8]).expect("it reads"), Some(0));
    }

    #[test]
    fn what_takes_too_long_is_kept() {
        let mut ends = [0; 2];
        // SAFETY: room for two descriptors.
        assert_eq!(unsafe { libc::pipe(ends.as_mut_ptr()) }, 0, "a pipe");
        // SAFETY: made above, and nobody else's.
        let [mut reader, writer] = ends.map(|end| unsafe { std::fs::File::from_raw_fd(end) });
        let mut target = File::new(writer.as_raw_fd());
        let (mut part, mut got) = (vec![0; 50_000], Vec::new());
        let mut write_rest = |target: &mut File| {
            assert!(target.rest() > 0, "a pipe has less room");
            while target.rest() > 0 {
                let count = reader.read(&mut part).expect("it reads");
                got.extend_from_slice(&part[..count]);
                target.write_rest(&mut || Ok(false)).expect("it writes");
            }
        };
        target.write(&[b'x'; 200_000], &mut || Ok(false)).expect("it writes");
        write_rest(&mut target);
        target.write_hole(300_000, &mut || Ok(false)).expect("it writes");
        write_rest(&mut target);
        drop(writer);
        reader.read_to_end(&mut got).expect("it reads");
        assert_eq!(got.len(), 500_000);
        assert!(got[..200_000].iter().all(|&byte| byte == b'x'));
        assert!(got[200_000..].iter().all(|&byte| byte == 0), "in the order in which it was written");
    }
}
